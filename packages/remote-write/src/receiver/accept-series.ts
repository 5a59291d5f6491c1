import { canonicalLabels, type EpochMs, type Label, type SampleValue } from "@promferry/core/series";
import type { DecodedSeries } from "../write-request/decode.ts";
import { findLabelProblem } from "../write-request/series-labels.ts";

/** One time series of a request, with at least one sample. */
export interface ReceivedSeries {
  readonly name: string;
  /** Without `__name__`, sorted by name, no name twice, no empty value. */
  readonly labels: readonly Label[];
  /** Whole milliseconds, strictly ascending. */
  readonly timestampsMs: readonly EpochMs[];
  /** As many as timestamps; `null` is a stale marker. */
  readonly values: readonly SampleValue[];
}

export interface AcceptedSeries {
  readonly series: readonly ReceivedSeries[];
  readonly sampleCount: number;
  /** One line a series that was not taken, with its name; empty when all were. */
  readonly invalid: readonly string[];
}

/**
 * Sorts the valid series from the others. Unsorted labels and empty values are put right, what else
 * 1.0 forbids a sender makes the series invalid, and so does a native histogram, which is no part of
 * 1.0. Exemplars are left out; series without samples disappear.
 */
export function acceptSeries(decoded: readonly DecodedSeries[]): AcceptedSeries {
  const series: ReceivedSeries[] = [];
  const invalid: string[] = [];
  let sampleCount = 0;
  for (const { labels: all, timestampsMs, values, histogramCount } of decoded) {
    const names = all.filter((label) => label.name === "__name__");
    const name = names[0]?.value ?? "";
    // The second `__name__`, if any, is left for the check to find.
    const labels = all.filter((label) => label !== names[0]);
    const problem =
      findLabelProblem(name, labels)?.rule ??
      (histogramCount > 0 ? "native histograms are not accepted" : undefined) ??
      (isAscending(timestampsMs) ? undefined : "timestamps are not strictly ascending");
    if (problem !== undefined) invalid.push(`${shown(name)}: ${problem}`);
    else if (timestampsMs.length > 0) {
      sampleCount += timestampsMs.length;
      series.push({ name, labels: canonicalLabels(labels), timestampsMs, values });
    }
  }
  return { series, sampleCount, invalid };
}

function isAscending(timestampsMs: readonly EpochMs[]): boolean {
  for (let i = 1; i < timestampsMs.length; i++) if (timestampsMs[i - 1]! >= timestampsMs[i]!) return false;
  return true;
}

function shown(name: string): string {
  if (name === "") return "a series without a name";
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
