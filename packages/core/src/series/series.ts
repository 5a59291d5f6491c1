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

/** A run of neighbouring buckets of a native histogram. */
export interface BucketSpan {
  /** Of the first span: the index of its first bucket. Of later ones: empty buckets since the last span's end. */
  readonly offset: number;
  /** Buckets in this span. */
  readonly length: number;
}

/**
 * A native histogram, as remote write and the protobuf exposition have it, with every count absolute.
 * (Prometheus Native Histograms, "Data model".)
 */
export interface NativeHistogram {
  /** −4 to 8: exponential buckets, 2^schema to each doubling; −53: custom bounds. */
  readonly schema: number;
  /** Whole counts, which travel as integers; else they are floats. */
  readonly integer: boolean;
  readonly count: number;
  readonly sum: number;
  /** Width of the zero bucket; 0 with custom bounds. */
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positiveSpans: readonly BucketSpan[];
  /** As many as the positive spans' lengths add up to. */
  readonly positiveCounts: readonly number[];
  readonly negativeSpans: readonly BucketSpan[];
  readonly negativeCounts: readonly number[];
  /** Upper bounds, strictly ascending, without +Inf; empty unless the schema is −53. */
  readonly customBounds: readonly number[];
  readonly resetHint: "unknown" | "yes" | "no" | "gauge";
}

/** A sample's value; `null` is the stale marker: the series has ended. */
export type SampleValue = number | null | NativeHistogram;

/** An observation that stands for others, mostly by the trace that it belongs to. */
export interface Exemplar {
  readonly labels: readonly Label[];
  readonly value: number;
  /** `NaN` where the exemplar had none. */
  readonly timestampMs: number;
}

/** One family's samples of one exposition, in columns of equal length, in order of appearance. */
export interface MetricFamily extends FamilyMetadata {
  readonly series: readonly Series[];
  readonly values: readonly number[];
  /**
   * By row: samples that are no number, a native histogram or a stale marker. `values` has `NaN` there.
   */
  readonly special?: ReadonlyMap<number, NativeHistogram | null>;
  /** `NaN` where the line had no timestamp. */
  readonly timestampsMs: readonly number[];
  /** By row, where the exposition had any; several only at a native histogram. */
  readonly exemplars?: ReadonlyMap<number, readonly Exemplar[]>;
  /**
   * By row: since when a counter, summary or histogram has been counting, where the exposition says so
   * without a `_created` series (protobuf).
   */
  readonly startsMs?: ReadonlyMap<number, EpochMs>;
}
