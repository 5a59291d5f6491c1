import type { Label, Series } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
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
  /** Where messages are put together; as long as the longest one. */
  readonly buffer: MessageBuffer;
}

export function createLabelCache(): LabelCache {
  const scratch = new MessageBuffer();
  const known = new WeakMap<Series, SeriesLabels>();
  return {
    buffer: new MessageBuffer(),
    of(series) {
      let labels = known.get(series);
      if (!labels) {
        labels = seriesLabels(series, scratch);
        known.set(series, labels);
      }
      return labels;
    },
  };
}

function seriesLabels(series: Series, scratch: MessageBuffer): SeriesLabels {
  const problem = findLabelProblem(series.name, series.labels, 1);
  if (problem) return { problem, key: "", bytes: new Uint8Array(0) };
  const sorted = sortedLabels(series);
  return { problem, key: labelKey(sorted), bytes: encodeLabels(sorted, scratch) };
}

function encodeLabels(sorted: readonly Label[], out: MessageBuffer): Uint8Array {
  out.clear();
  for (const { name, value } of sorted) {
    const content = out.beginField(LABEL, 0);
    out.putText(LABEL_NAME, name);
    out.putText(LABEL_VALUE, value);
    out.endField(content, 0);
  }
  return new Uint8Array(out.written());
}
