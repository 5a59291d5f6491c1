import {
  canonicalLabels,
  type EpochMs,
  type Exemplar,
  isHistogram,
  type Label,
  nativeHistogramProblem,
  type SampleValue,
  seriesKey,
} from "@promferry/core/series";
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
  /** As many as timestamps; `null` is a stale marker, an object a native histogram without a problem. */
  readonly values: readonly SampleValue[];
  /** By row: at the first sample that is not older, else at the last one. */
  readonly exemplars?: ReadonlyMap<number, readonly Exemplar[]>;
  /** By row: since when the series had been counting, where the sender said so. */
  readonly startsMs?: ReadonlyMap<number, EpochMs>;
}

/** What the `Written` headers count, here of what was taken. */
export interface AcceptedCounts {
  /** Without histograms. */
  readonly samples: number;
  /** Native histograms, stale markers of theirs among them. */
  readonly histograms: number;
  readonly exemplars: number;
}

export interface AcceptedSeries {
  readonly series: readonly ReceivedSeries[];
  readonly counts: AcceptedCounts;
  /** One line a series that was not taken, with its name; empty when all were. */
  readonly invalid: readonly string[];
  /** Samples in the series that were not taken, native histograms among them. */
  readonly invalidSampleCount: number;
}

/**
 * Sorts the valid series from the others. Unsorted labels and empty values are put right, what else
 * the protocol forbids a sender makes the series invalid, and so does a native histogram with a
 * `nativeHistogramProblem`.
 *
 * Exemplars that come in a series of their own, as Prometheus sends them, join the samples of the same labels
 * in this request; where there are none they are left out, and so is one with a label name that is empty or stands
 * twice. A series without samples disappears, in 2.0 only
 * where exemplars were the reason for it.
 */
export function acceptSeries(decoded: readonly DecodedSeries[], protocol: ProtocolVersion): AcceptedSeries {
  const series: ReceivedSeries[] = [];
  const loose = new Map<string, Exemplar[]>();
  const invalid: string[] = [];
  let sampleCount = 0;
  let histogramCount = 0;
  let invalidSampleCount = 0;
  for (const one of decoded) {
    const { labels: all, values, exemplars } = one;
    const names = all.filter((label) => label.name === "__name__");
    const name = names[0]?.value ?? "";
    // The second `__name__`, if any, is left for the check to find.
    const labels = all.filter((label) => label !== names[0]);
    const problem = findLabelProblem(name, labels, protocol)?.rule ?? findSampleProblem(one, protocol);
    if (problem !== undefined) {
      invalid.push(`${shown(name)}: ${problem}`);
      invalidSampleCount += values.length;
      continue;
    }
    const canonical = canonicalLabels(labels);
    if (exemplars.length > 0) {
      const key = seriesKey(name, canonical);
      const together = loose.get(key) ?? [];
      loose.set(key, together);
      for (const exemplar of exemplars) if (isSound(exemplar)) together.push(exemplar);
    }
    if (values.length === 0) continue;
    sampleCount += values.length - one.histogramCount;
    histogramCount += one.histogramCount;
    series.push({ name, labels: canonical, ...inTimeOrder(one) });
  }
  const exemplarCount = loose.size === 0 ? 0 : attach(loose, series);
  return {
    series,
    counts: { samples: sampleCount, histograms: histogramCount, exemplars: exemplarCount },
    invalid,
    invalidSampleCount,
  };
}

function findSampleProblem(series: DecodedSeries, protocol: ProtocolVersion): string | undefined {
  const { values, histogramCount, exemplars } = series;
  if (protocol === 2 && histogramCount > 0 && histogramCount < values.length)
    return "it has both samples and histograms";
  for (const value of values) {
    const problem = isHistogram(value) ? nativeHistogramProblem(value) : undefined;
    if (problem !== undefined) return `a native histogram with ${problem}`;
  }
  if (!isAscending(inTimeOrder(series).timestampsMs)) return "timestamps are not strictly ascending";
  // Prometheus sends exemplars in series of their own.
  if (protocol === 2 && values.length === 0 && exemplars.length === 0) return "there is no sample";
  return undefined;
}

/** In 1.0 a series may have samples and histograms, in two fields; each keeps its own order. */
function inTimeOrder(series: DecodedSeries): Pick<ReceivedSeries, "timestampsMs" | "values" | "startsMs"> {
  const { timestampsMs, values, histogramCount, startsMs } = series;
  const starts = startsMs && { startsMs };
  if (histogramCount === 0 || histogramCount === values.length) return { timestampsMs, values, ...starts };
  const rows = [...values.keys()].sort((a, b) => timestampsMs[a]! - timestampsMs[b]!);
  return { timestampsMs: rows.map((row) => timestampsMs[row]!), values: rows.map((row) => values[row]!) };
}

function isAscending(timestampsMs: readonly EpochMs[]): boolean {
  for (let i = 1; i < timestampsMs.length; i++) if (timestampsMs[i - 1]! >= timestampsMs[i]!) return false;
  return true;
}

/** Whether no label name is empty or stands twice. */
function isSound({ labels }: Exemplar): boolean {
  const names = new Set(labels.map(({ name }) => name));
  return names.size === labels.length && !names.has("");
}

/** Puts exemplars to the samples that they came with; how many found one. */
function attach(loose: ReadonlyMap<string, readonly Exemplar[]>, series: ReceivedSeries[]): number {
  const left = new Map(loose);
  let count = 0;
  for (const [i, one] of series.entries()) {
    const key = seriesKey(one.name, one.labels);
    const found = left.get(key);
    if (!found) continue;
    left.delete(key);
    count += found.length;
    const exemplars = new Map<number, Exemplar[]>();
    for (const exemplar of found) {
      const row = rowFor(exemplar.timestampMs, one.timestampsMs);
      const shown = { ...exemplar, labels: canonicalLabels(exemplar.labels) };
      const known = exemplars.get(row);
      if (known) known.push(shown);
      else exemplars.set(row, [shown]);
    }
    series[i] = { ...one, exemplars };
  }
  return count;
}

/** The first sample that is not older, or the last one. */
function rowFor(timestampMs: EpochMs, ascending: readonly EpochMs[]): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! >= timestampMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

function shown(name: string): string {
  if (name === "") return "a series without a name";
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
}
