import { canonicalLabels, type EpochMs, type Label, type SampleValue } from "@promferry/core/series";
import { findLabelProblem, type ProtocolVersion } from "../validation/label-problem.ts";
import type { DecodedSeries } from "../write-request/decode.ts";

/** One time series of a request, with at least one sample. */
export interface ReceivedSeries {
  /** By the classic pattern in 1.0; in 2.0 any characters. */
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
  /** Samples in the series that were not taken, native histograms among them. */
  readonly invalidSampleCount: number;
}

/**
 * Sorts the valid series from the others. Unsorted labels and empty values are put right, what else
 * the protocol forbids a sender makes the series invalid, and so does a native histogram. Exemplars are
 * left out; a series without samples disappears, in 2.0 only where exemplars were the reason for it.
 */
export function acceptSeries(decoded: readonly DecodedSeries[], protocol: ProtocolVersion): AcceptedSeries {
  const series: ReceivedSeries[] = [];
  const invalid: string[] = [];
  let sampleCount = 0;
  let invalidSampleCount = 0;
  for (const one of decoded) {
    const { labels: all, timestampsMs, values, histogramCount } = one;
    const names = all.filter((label) => label.name === "__name__");
    const name = names[0]?.value ?? "";
    // The second `__name__`, if any, is left for the check to find.
    const labels = all.filter((label) => label !== names[0]);
    const problem = findLabelProblem(name, labels, protocol)?.rule ?? findSampleProblem(one, protocol);
    if (problem !== undefined) {
      invalid.push(`${shown(name)}: ${problem}`);
      invalidSampleCount += values.length + histogramCount;
    } else if (timestampsMs.length > 0) {
      sampleCount += timestampsMs.length;
      series.push({ name, labels: canonicalLabels(labels), timestampsMs, values });
    }
  }
  return { series, sampleCount, invalid, invalidSampleCount };
}

function findSampleProblem(series: DecodedSeries, protocol: ProtocolVersion): string | undefined {
  const { timestampsMs, histogramCount, exemplarCount } = series;
  if (histogramCount > 0) return "native histograms are not accepted";
  if (!isAscending(timestampsMs)) return "timestamps are not strictly ascending";
  // Prometheus sends exemplars in series of their own.
  if (protocol === 2 && timestampsMs.length === 0 && exemplarCount === 0) return "there is no sample";
  return undefined;
}

function isAscending(timestampsMs: readonly EpochMs[]): boolean {
  for (let i = 1; i < timestampsMs.length; i++) if (timestampsMs[i - 1]! >= timestampsMs[i]!) return false;
  return true;
}

function shown(name: string): string {
  if (name === "") return "a series without a name";
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
