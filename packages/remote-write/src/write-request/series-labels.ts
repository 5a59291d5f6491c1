import { type Series, SeriesMemo } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { type CheckedLabels, findLabelProblem, hashOf, sortedLabels } from "../validation/label-problem.ts";
import { createLabelWriter } from "./label-writer.ts";

/** What 1.0 sends of one series besides its samples. */
export interface SeriesLabels extends CheckedLabels {
  /** The fields `labels` of a TimeSeries message, sorted; empty when there is a problem. */
  readonly bytes: Uint8Array;
}

/**
 * Checks by the rules of 1.0 and encodes the labels of each {@link Series} object once; kept for as long as any series
 * of its dictionary is.
 */
export interface LabelCache {
  of(series: Series): SeriesLabels;
  /** Where messages are put together; as long as the longest one. */
  readonly buffer: MessageBuffer;
}

export function createLabelCache(): LabelCache {
  const write = createLabelWriter();
  const known = new SeriesMemo<SeriesLabels>((series) => {
    const problem = findLabelProblem(series.name, series.labels, 1);
    const sorted = problem ? [] : sortedLabels(series);
    return { problem, hash: hashOf(sorted), bytes: write(sorted) };
  });
  return { buffer: new MessageBuffer(), of: (series) => known.of(series) };
}
