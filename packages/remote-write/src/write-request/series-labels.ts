import { type Series, SeriesMemo } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { type CheckedLabels, findLabelProblem, hashOf, sortedLabels } from "../validation/label-problem.ts";
import { createLabelWriter, type LabelFields } from "./label-fields.ts";

/** What 1.0 sends of one series besides its samples; no fields when there is a problem. */
export interface SeriesLabels extends CheckedLabels, LabelFields {}

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
    const { chunk, start, length } = write(sorted);
    return { problem, hash: hashOf(sorted), chunk, start, length };
  });
  return { buffer: new MessageBuffer(), of: (series) => known.of(series) };
}
