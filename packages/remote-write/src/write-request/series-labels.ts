import { type Label, type Series, SeriesMemo } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { type CheckedLabels, findLabelProblem, keyOf, sortedLabels } from "../validation/label-problem.ts";
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
  const known = new SeriesMemo((series) => seriesLabels(series, scratch));
  return { buffer: new MessageBuffer(), of: (series) => known.of(series) };
}

function seriesLabels(series: Series, scratch: MessageBuffer): SeriesLabels {
  const problem = findLabelProblem(series.name, series.labels, 1);
  if (problem) return { problem, key: "", hash: 0, bytes: new Uint8Array(0) };
  const sorted = sortedLabels(series);
  return { problem, ...keyOf(sorted), bytes: encodeLabels(sorted, scratch) };
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
