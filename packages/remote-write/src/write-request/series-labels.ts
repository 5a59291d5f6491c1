import { compareCodePoints, type Label, type Series, seriesKey } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
import { LABEL, LABEL_NAME, LABEL_VALUE } from "./schema.ts";

/** Remote-Write 1.0, "Labels": MUST for both. */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME_PATTERN = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** With the flag `u` a surrogate pair is one character, so this finds lone halves only. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A rule that a label set breaks, and the name that breaks it. */
export interface LabelProblem {
  readonly rule: string;
  /** Empty where there is nothing to quote. Never a label's value: those may be private. */
  readonly example: string;
}

/** What 1.0 sends of one series besides its samples. */
export interface SeriesLabels {
  /** `undefined` when the protocol allows the label set. */
  readonly problem: LabelProblem | undefined;
  /** Equal exactly for equal label sets; empty when there is a problem. */
  readonly key: string;
  /** The fields `labels` of a TimeSeries message, sorted; empty when there is a problem. */
  readonly bytes: Uint8Array;
}

/** Checks and encodes the labels of each {@link Series} object once; it is held weakly. */
export interface LabelCache {
  of(series: Series): SeriesLabels;
}

export function createLabelCache(): LabelCache {
  const known = new WeakMap<Series, SeriesLabels>();
  return {
    of(series) {
      let labels = known.get(series);
      if (!labels) {
        labels = seriesLabels(series);
        known.set(series, labels);
      }
      return labels;
    },
  };
}

/**
 * The first rule of 1.0 that this name and these labels break. Labels with an empty value count as
 * absent.
 *
 * @param labels Without `__name__`, in any order.
 */
export function findLabelProblem(name: string, labels: readonly Label[]): LabelProblem | undefined {
  if (name === "") return { rule: "the metric name is missing", example: "" };
  if (!METRIC_NAME.test(name)) {
    return { rule: "a metric name does not match [a-zA-Z_:][a-zA-Z0-9_:]*", example: name };
  }
  const seen = new Set(["__name__"]);
  for (const label of labels) {
    if (label.name === "") return { rule: "a label name is empty", example: name };
    if (label.value === "") continue;
    if (!LABEL_NAME_PATTERN.test(label.name)) {
      return { rule: "a label name does not match [a-zA-Z_][a-zA-Z0-9_]*", example: label.name };
    }
    if (seen.has(label.name)) return { rule: "a label name stands twice", example: label.name };
    seen.add(label.name);
    if (LONE_SURROGATE.test(label.value)) {
      return { rule: "a label value is not valid Unicode", example: label.name };
    }
  }
  return undefined;
}

function seriesLabels({ name, labels }: Series): SeriesLabels {
  const problem = findLabelProblem(name, labels);
  if (problem) return { problem, key: "", bytes: new Uint8Array(0) };
  const sorted = labels.filter((label) => label.value !== "");
  sorted.push({ name: "__name__", value: name });
  sorted.sort((a, b) => compareCodePoints(a.name, b.name));
  return { problem, key: seriesKey("", sorted), bytes: encodeLabels(sorted) };
}

function encodeLabels(sorted: readonly Label[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const label of sorted) {
    writer.uint32(LABEL).fork();
    writer.uint32(LABEL_NAME).string(label.name);
    writer.uint32(LABEL_VALUE).string(label.value);
    writer.ldelim();
  }
  return writer.finish();
}
