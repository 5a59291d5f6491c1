/**
 * Everything that k1 may record. The page in the README, the types of the calls and the gate that no
 * other metric passes all come from here.
 */
import { counter, defineMetrics, gauge, histogram } from "@promferry/core";

export const RESOURCES = ["pods", "deployments", "services", "nodes", "configmaps", "events"] as const;
export const SCREENS = ["pods", "deployments", "services", "nodes", "events", "help"] as const;
export const OPERATIONS = ["list", "get", "count"] as const;
export const FILTER_TYPES = ["fuzzy", "prefix", "negated", "label"] as const;
export const COMMANDS = ["describe", "logs", "yaml", "scale", "restart", "delete"] as const;
export const ERROR_TYPES = ["informer_sync", "informer_query", "command"] as const;

export type Resource = (typeof RESOURCES)[number];
export type Screen = (typeof SCREENS)[number];
export type Operation = (typeof OPERATIONS)[number];
export type FilterType = (typeof FILTER_TYPES)[number];
export type Command = (typeof COMMANDS)[number];
export type ErrorType = (typeof ERROR_TYPES)[number];

/** k1's metrics in a registry of their own. `monotonicMs` is the clock of their timers. */
export function createMetrics(options: { readonly monotonicMs?: () => number } = {}) {
  return defineMetrics(
    { namespace: "k1", ...options },
    {
      informerSync: histogram({
        name: "informer_sync_duration_seconds",
        help: "Time until a kind of resource was in memory for the first time.",
        why: "The wait before k1 is usable; tells which kinds need to load later.",
        labels: { resource: RESOURCES },
        buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      }),
      informerQuery: histogram({
        name: "informer_query_duration_seconds",
        help: "Time to read resources from memory.",
        why: "Every screen waits for this; shows where an index is missing.",
        labels: { resource: RESOURCES, operation: OPERATIONS },
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
      }),
      screenRender: histogram({
        name: "screen_render_duration_seconds",
        help: "Time to draw a screen.",
        why: "A frame that takes more than 50 ms is felt; shows which screens do.",
        labels: { screen: SCREENS },
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1],
      }),
      filterOperation: histogram({
        name: "filter_operation_duration_seconds",
        help: "Time to filter a list.",
        why: "Filtering happens at every key press; shows which kind is too slow.",
        labels: { type: FILTER_TYPES },
        buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
      }),
      commandExecution: histogram({
        name: "command_execution_duration_seconds",
        help: "Time from a command's key to its result.",
        why: "Shows which commands leave people waiting for the cluster.",
        labels: { command: COMMANDS },
        buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      }),
      screenViews: counter({
        name: "screen_views_total",
        help: "Screens opened.",
        why: "Says which screens deserve work, and which nobody finds.",
        labels: { screen: SCREENS },
      }),
      commandsExecuted: counter({
        name: "commands_executed_total",
        help: "Commands run.",
        why: "Says which commands people rely on.",
        labels: { command: COMMANDS },
      }),
      filterOperations: counter({
        name: "filter_operations_total",
        help: "Filters applied.",
        why: "Says which kinds of filter are used at all.",
        labels: { type: FILTER_TYPES },
      }),
      refreshOperations: counter({
        name: "refresh_operations_total",
        help: "Refreshes asked for by hand.",
        why: "People refresh when they don't trust what they see; shows on which screens.",
        labels: { screen: SCREENS },
      }),
      errors: counter({
        name: "errors_total",
        help: "Errors by where they happened, without their text.",
        why: "Shows failures that nobody reports.",
        labels: { type: ERROR_TYPES, resource: RESOURCES },
      }),
      objectsCached: gauge({
        name: "informer_objects_cached",
        help: "Objects held in memory.",
        why: "How large the clusters are that k1 has to cope with.",
        labels: { resource: RESOURCES },
        merge: "sum",
      }),
      terminalWidth: gauge({
        name: "terminal_width",
        help: "Columns of the terminal.",
        why: "Says how much room a layout may count on.",
      }),
      terminalHeight: gauge({
        name: "terminal_height",
        help: "Lines of the terminal.",
        why: "Says how much room a layout may count on.",
      }),
    },
  );
}

export type K1Metrics = ReturnType<typeof createMetrics>;
