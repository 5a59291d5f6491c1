/**
 * What every other module talks about: series, their family, and samples in columns.
 *
 * A {@link Series} is interned: within one dictionary the same name and label set is the same
 * object, so caches and state hang on object identity and no key string is built twice.
 */

/** Milliseconds since the Unix epoch. */
export type EpochMs = number;

export interface Label {
  readonly name: string;
  readonly value: string;
}

/** One time series: a sample name and its label set. */
export interface Series {
  /** The sample's name, for example `k1_render_seconds_bucket`. */
  readonly name: string;
  /** Without `__name__`, sorted by name in code point order, no name twice, no empty value. */
  readonly labels: readonly Label[];
}

/** The types of OpenMetrics 1.0; `untyped` of the Prometheus text format is `unknown` here. */
export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "gaugehistogram"
  | "summary"
  | "info"
  | "stateset"
  | "unknown";

/** What the HELP, TYPE and UNIT lines of one family say. */
export interface FamilyMetadata {
  /**
   * As the exposition's TYPE line has it: a counter's name includes `_total` in the Prometheus
   * text format and leaves it out in OpenMetrics.
   */
  readonly name: string;
  readonly type: MetricType;
  /** Unescaped; empty where there is none. */
  readonly help: string;
  /** Empty where there is none. */
  readonly unit: string;
}

/** A sample's value; `null` is the stale marker: the series has ended. */
export type SampleValue = number | null;

/** One family's samples of one exposition, in columns of equal length, in order of appearance. */
export interface MetricFamily extends FamilyMetadata {
  readonly series: readonly Series[];
  readonly values: readonly number[];
  /** `NaN` where the line had no timestamp. */
  readonly timestampsMs: readonly number[];
  /** By row, where the exposition had any (OpenMetrics). */
  readonly exemplars?: ReadonlyMap<number, Exemplar>;
}

export interface Exemplar {
  readonly labels: readonly Label[];
  readonly value: number;
  /** `NaN` where the exemplar had none. */
  readonly timestampMs: number;
}
