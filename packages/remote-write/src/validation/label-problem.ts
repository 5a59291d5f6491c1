import { compareCodePoints, type Label, type Series, seriesKey } from "@promferry/core/series";

/** Remote-Write 1.0, "Labels": MUST for both. 2.0, "Series Labels": SHOULD. */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** With the flag `u` a surrogate pair is one character, so this finds lone halves only. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const NAME_LABEL = "__name__";

/** Version of the protocol whose rules apply. */
export type ProtocolVersion = 1 | 2;

/** A rule that a label set breaks, and the name that breaks it. */
export interface LabelProblem {
  readonly rule: string;
  /** Empty where there is nothing to quote. Never a label's value: those may be private. */
  readonly example: string;
}

/** What is known of one series before anything of it is written. */
export interface CheckedLabels {
  /** `undefined` when the protocol allows the label set. */
  readonly problem: LabelProblem | undefined;
  /** A signed 32-bit integer: equal for equal label sets, and mostly only then. */
  readonly hash: number;
}

/**
 * The first rule that this name and these labels break. Labels with an empty value count as absent.
 *
 * Names have to match the classic patterns in 1.0, in 2.0 any characters will do; the name itself is
 * only a SHOULD of both, but receivers drop series without one.
 *
 * @param labels Without `__name__`, in any order.
 */
export function findLabelProblem(
  name: string,
  labels: readonly Label[],
  protocol: ProtocolVersion,
): LabelProblem | undefined {
  if (name === "") return { rule: "the metric name is missing", example: "" };
  if (protocol === 1 && !METRIC_NAME.test(name)) {
    return { rule: "a metric name does not match [a-zA-Z_:][a-zA-Z0-9_:]*", example: name };
  }
  if (LONE_SURROGATE.test(name)) return { rule: "a metric name is not valid Unicode", example: name };
  let last = "";
  let seen: Set<string> | undefined;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label.name === "") return { rule: "a label name is empty", example: name };
    if (label.value === "") continue;
    if (protocol === 1 && !LABEL_NAME.test(label.name)) {
      return { rule: "a label name does not match [a-zA-Z_][a-zA-Z0-9_]*", example: label.name };
    }
    if (LONE_SURROGATE.test(label.name)) {
      return { rule: "a label name is not valid Unicode", example: label.name };
    }
    // Mostly they are sorted: then no two are equal.
    if (label.name > last) last = label.name;
    else seen ??= namesOf(labels.slice(0, i));
    if (label.name === NAME_LABEL || seen?.has(label.name))
      return { rule: "a label name stands twice", example: label.name };
    seen?.add(label.name);
    if (LONE_SURROGATE.test(label.value)) {
      return { rule: "a label value is not valid Unicode", example: label.name };
    }
  }
  return undefined;
}

function namesOf(labels: readonly Label[]): Set<string> {
  return new Set(labels.filter(({ value }) => value !== "").map(({ name }) => name));
}

/** The whole label set as both protocols send it: with `__name__`, sorted, without empty values. */
export function sortedLabels({ name, labels }: Series): readonly Label[] {
  const own = { name: NAME_LABEL, value: name };
  const all: Label[] = [];
  let isPut = false;
  for (const label of labels) {
    if (label.value === "") continue;
    if (!isPut && compareCodePoints(label.name, NAME_LABEL) > 0) {
      all.push(own);
      isPut = true;
    }
    all.push(label);
  }
  if (!isPut) all.push(own);
  // They mostly are: then this is one look at each pair.
  return all.sort(byName);
}

function byName(a: Label, b: Label): number {
  return compareCodePoints(a.name, b.name);
}

/** @param sorted As {@link sortedLabels} gives them. */
export function hashOf(sorted: readonly Label[]): number {
  let hash = 0;
  for (const { name, value } of sorted) hash = addText(addText(hash, name), value);
  return hash;
}

function addText(before: number, text: string): number {
  let hash = before ^ text.length;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

/** Equal exactly for series that both protocols send alike. */
export function keyOf(series: Series): string {
  return seriesKey("", sortedLabels(series));
}
