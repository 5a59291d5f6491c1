import { Counter as PromCounter, Registry } from "prom-client";
import type { Catalogue } from "./catalogue.ts";
import type {
  CounterDefinition,
  GaugeDefinition,
  HistogramDefinition,
  LabelRules,
  MetricDefinition,
  NamedDefinition,
} from "./definition.ts";
import { describeMetrics, droppedSeriesMetric } from "./describe.ts";
import { createRecorder } from "./instrument.ts";
import type { DropReason } from "./label-guard.ts";
import { catalogueProblems } from "./validate.ts";

/** What a metric's labels may be set to: the listed values of a closed label, any string otherwise. */
export type LabelValues<L extends LabelRules> = {
  readonly [K in keyof L]: L[K] extends readonly (infer V extends string)[] ? V : string;
};

type WithLabels<L extends LabelRules, Rest extends readonly unknown[]> = keyof L extends never
  ? Rest
  : readonly [labels: LabelValues<L>, ...Rest];

/** Counts up. Nothing here throws: what can't be recorded is counted in `<ns>_dropped_series_total`. */
export interface Counter<L extends LabelRules = LabelRules> {
  /** Adds `by`, 1 if left out; never negative. */
  inc(...args: WithLabels<L, readonly [by?: number]>): void;
}

/** A value that goes up and down. Nothing here throws; `NaN` is not recorded. */
export interface Gauge<L extends LabelRules = LabelRules> {
  set(...args: WithLabels<L, readonly [value: number]>): void;
  /** Adds `by`, 1 if left out. */
  inc(...args: WithLabels<L, readonly [by?: number]>): void;
  /** Subtracts `by`, 1 if left out. */
  dec(...args: WithLabels<L, readonly [by?: number]>): void;
}

/** Observations by size. Nothing here throws; what is not finite is not recorded. */
export interface Histogram<L extends LabelRules = LabelRules> {
  observe(...args: WithLabels<L, readonly [value: number]>): void;
  /**
   * Starts measuring. The function that comes back takes the labels that were not given yet, observes
   * the seconds passed, and returns them.
   */
  startTimer<K extends keyof L = never>(
    labels?: Pick<LabelValues<L>, K>,
  ): (...rest: keyof Omit<L, K> extends never ? [] : [labels: Omit<LabelValues<L>, K>]) => number;
}

/** The object that a program calls for one definition. */
export type Instrument<D> =
  D extends CounterDefinition<infer L>
    ? Counter<L>
    : D extends GaugeDefinition<infer L>
      ? Gauge<L>
      : D extends HistogramDefinition<infer L>
        ? Histogram<L>
        : never;

/**
 * Definitions by the name that the program uses. Says little of each on purpose: were labels named here,
 * a definition without any would be taken to have any.
 */
export type MetricDefinitions = Readonly<Record<string, NamedDefinition>> & {
  readonly registry?: never;
  readonly catalogue?: never;
};

/** One instrument for each definition, the registry they stand in, and what they are. */
export type Metrics<D extends MetricDefinitions> = {
  readonly [K in keyof D]: Instrument<D[K]>;
} & {
  /** Ordinary prom-client metrics; whatever takes a prom-client `Registry` takes this one. */
  readonly registry: Registry;
  readonly catalogue: Catalogue;
};

export interface MetricsOptions {
  /** In front of every metric's name, followed by an underscore; `k1` makes `k1_screen_views_total`. */
  readonly namespace: string;
  /** Where the metrics are registered. Default: a registry of their own; never prom-client's global one. */
  readonly registry?: Registry;
  /** Milliseconds for timers, from any origin. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/**
 * Registers a program's metrics and gives typed instruments for them. What is defined here is also
 * the privacy allow-list and the text that users read: there is no second list to keep in step.
 *
 * A label value that its rule doesn't allow is recorded as `other`; it, and whatever can't be recorded
 * at all, is counted in `<namespace>_dropped_series_total{reason}`. A label left out counts as not allowed.
 *
 * @throws {TypeError} The definitions are wrong, with every fault listed, or a name is taken in the registry.
 */
export function defineMetrics<const D extends MetricDefinitions>(
  options: MetricsOptions,
  definitions: D,
): Metrics<D> {
  const { namespace, registry = new Registry(), monotonicMs = () => performance.now() } = options;
  const { catalogue, byKey } = describeMetrics(
    namespace,
    definitions as unknown as Readonly<Record<string, MetricDefinition>>,
  );
  const problems = [...catalogueProblems(catalogue)];
  for (const { name } of catalogue.metrics) {
    if (registry.getSingleMetric(name)) problems.push(`metric "${name}": the registry has one of this name`);
  }
  for (const key of ["registry", "catalogue"]) {
    if (Object.hasOwn(definitions, key)) problems.push(`key "${key}" is taken by the result's own property`);
  }
  if (problems.length > 0) throw new TypeError(`defineMetrics: ${problems.join("; ")}`);

  const { name, help } = droppedSeriesMetric(namespace);
  const dropped = new PromCounter({ name, help, labelNames: ["reason"], registers: [registry] });
  const drop = (reason: DropReason): void => dropped.inc({ reason });
  const result: Record<string, unknown> = { registry, catalogue };
  for (const [key, metric] of byKey) result[key] = createRecorder(metric, { registry, drop, monotonicMs });
  return result as Metrics<D>;
}
