import type { Label, Series } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
import { type CheckedLabels, findLabelProblem, labelKey, sortedLabels } from "../validation/label-problem.ts";
import { LABEL, LABEL_NAME, LABEL_VALUE } from "./schema.ts";

/** What 1.0 sends of one series besides its samples. */
export interface SeriesLabels extends CheckedLabels {
  /** The fields `labels` of a TimeSeries message, sorted; empty when there is a problem. */
  readonly bytes: Uint8Array;
}

/** Checks by the rules of 1.0 and encodes the labels of each {@link Series} object once; it is held weakly. */
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

function seriesLabels(series: Series): SeriesLabels {
  const problem = findLabelProblem(series.name, series.labels, 1);
  if (problem) return { problem, key: "", bytes: new Uint8Array(0) };
  const sorted = sortedLabels(series);
  return { problem, key: labelKey(sorted), bytes: encodeLabels(sorted) };
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
