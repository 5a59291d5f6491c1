import type { GaugeMerge, GaugeRule } from "../journal/frame.ts";

/** Any value, as long as there are few: see {@link open}. */
export interface OpenLabel {
  readonly kind: "open";
  readonly max: number;
}

/** Values that match a regular expression as a whole: see {@link pattern}. */
export interface PatternLabel {
  readonly kind: "pattern";
  readonly source: string;
  readonly flags: string;
  readonly max: number;
}

/** The values that a label may take: a closed list, an open set with a cap, or a pattern. */
export type LabelRule = readonly string[] | OpenLabel | PatternLabel;

/** A metric's labels by name. */
export type LabelRules = Readonly<Record<string, LabelRule>>;

/** What every definition has, whatever its type and labels. */
export interface NamedDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
}

interface Described<L extends LabelRules> {
  /** Without the namespace, for example `screen_views_total`. */
  readonly name: string;
  /** One sentence on what is counted; becomes the HELP line. */
  readonly help: string;
  /** Why it is collected, for the page that users read before they agree. Default empty. */
  readonly why?: string;
  /** Default: no labels. */
  readonly labels?: L;
}

export interface CounterDefinition<L extends LabelRules = LabelRules> extends Described<L> {
  readonly type: "counter";
}

export interface GaugeDefinition<L extends LabelRules = LabelRules> extends Described<L> {
  readonly type: "gauge";
  readonly across?: GaugeMerge;
}

export interface HistogramDefinition<L extends LabelRules = LabelRules> extends Described<L> {
  readonly type: "histogram";
  readonly buckets?: readonly number[];
}

export type MetricDefinition = CounterDefinition | GaugeDefinition | HistogramDefinition;

export interface GaugeDescription<L extends LabelRules> extends Described<L> {
  /** One rule for both: shorthand for `across: { sessions: rule, labels: rule }`. Not beside `across`. */
  readonly merge?: GaugeRule;
  /** How values combine over sessions and over dropped labels. Default: the latest, and not at all. */
  readonly across?: GaugeMerge;
}

export interface HistogramDescription<L extends LabelRules> extends Described<L> {
  /** Upper bounds, ascending, without infinity. Default prom-client's, 5 ms to 10 s for seconds. */
  readonly buckets?: readonly number[];
}

/** A value that only grows. Its name ends in `_total`. */
export function counter<const L extends LabelRules = Record<never, never>>(
  description: Described<L>,
): CounterDefinition<L> {
  return { type: "counter", ...description };
}

/**
 * A value that goes up and down.
 *
 * @throws {TypeError} Both `merge` and `across` are given.
 */
export function gauge<const L extends LabelRules = Record<never, never>>(
  description: GaugeDescription<L>,
): GaugeDefinition<L> {
  const { merge, ...rest } = description;
  if (merge === undefined) return { type: "gauge", ...rest };
  if (rest.across) throw new TypeError(`gauge ${rest.name}: give either merge or across, not both`);
  return { type: "gauge", ...rest, across: { sessions: merge, labels: merge } };
}

/** Observations, counted by size. */
export function histogram<const L extends LabelRules = Record<never, never>>(
  description: HistogramDescription<L>,
): HistogramDefinition<L> {
  return { type: "histogram", ...description };
}

/**
 * A label that takes any value of up to 200 characters, `max` different ones in a program's life;
 * further ones become `other`.
 */
export function open(options: {
  /** Different values, 1 to 10 000. */
  readonly max: number;
}): OpenLabel {
  return { kind: "open", max: options.max };
}

/**
 * A label whose values match `expression` as a whole (it is anchored at both ends), up to 200
 * characters long; others become `other`.
 */
export function pattern(
  expression: RegExp,
  options: {
    /** Different values, 1 to 10 000; further ones become `other`. Default 100. */
    readonly max?: number;
  } = {},
): PatternLabel {
  const flags = expression.flags.replace(/[dgy]/g, "");
  return { kind: "pattern", source: expression.source, flags, max: options.max ?? 100 };
}
