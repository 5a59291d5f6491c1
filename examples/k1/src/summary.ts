import type { Action } from "./workload.ts";

/** What a run counted, by series as PromQL writes them, for example `k1_screen_views_total{screen="pods"}`. */
export interface Summary {
  readonly counters: Readonly<Record<string, number>>;
  /** The last value of each. */
  readonly gauges: Readonly<Record<string, number>>;
  /** Every observation, in seconds. */
  readonly histograms: Readonly<Record<string, readonly number[]>>;
}

/** Counts a workload's actions by hand, without the metrics: what a server answers is held against this. */
export function summarize(actions: readonly Action[]): Summary {
  const counters: Record<string, number> = {};
  const gauges: Record<string, number> = {};
  const histograms: Record<string, number[]> = {};
  const count = (series: string) => {
    counters[series] = (counters[series] ?? 0) + 1;
  };
  const observe = (series: string, ms: number) => {
    histograms[series] ??= [];
    histograms[series].push(ms / 1000);
  };
  for (const action of actions) {
    switch (action.kind) {
      case "sync":
        observe(`k1_informer_sync_duration_seconds{resource="${action.resource}"}`, action.ms);
        gauges[`k1_informer_objects_cached{resource="${action.resource}"}`] = action.objects;
        break;
      case "resize":
        gauges["k1_terminal_width"] = action.columns;
        gauges["k1_terminal_height"] = action.lines;
        break;
      case "view": {
        const { screen, resource, operation } = action;
        count(`k1_screen_views_total{screen="${screen}"}`);
        const query = `k1_informer_query_duration_seconds{operation="${operation}",resource="${resource}"}`;
        observe(query, action.queryMs);
        observe(`k1_screen_render_duration_seconds{screen="${screen}"}`, action.ms);
        break;
      }
      case "refresh":
        count(`k1_refresh_operations_total{screen="${action.screen}"}`);
        observe(`k1_screen_render_duration_seconds{screen="${action.screen}"}`, action.ms);
        break;
      case "filter":
        count(`k1_filter_operations_total{type="${action.type}"}`);
        observe(`k1_filter_operation_duration_seconds{type="${action.type}"}`, action.ms);
        break;
      case "command":
        count(`k1_commands_executed_total{command="${action.command}"}`);
        observe(`k1_command_execution_duration_seconds{command="${action.command}"}`, action.ms);
        break;
      case "error":
        count(`k1_errors_total{resource="${action.resource}",type="${action.type}"}`);
    }
  }
  return { counters, gauges, histograms };
}
