import type { Batch, BatchSeries, Refusal } from "@promferry/core/delivery";
import { type EpochMs, isHistogram, nativeHistogramProblem, type Series } from "@promferry/core/series";
import { createLabelCache } from "../write-request/series-labels.ts";
import { type CheckedLabels, keyOf, type LabelProblem } from "./label-problem.ts";

export interface ValidateOptions {
  /** Samples later than this are refused. Default: none is. */
  readonly latestMs?: EpochMs;
  /**
   * Brings the rules for labels, and keeps what is known of series from one call to the next:
   * `createLabelCache()` for 1.0, `createStringCache()` for 2.0. Default: 1.0, of this call only.
   */
  readonly labels?: { of(series: Series): CheckedLabels };
}

/** A batch that the protocol allows, and what was taken out of it. */
export interface ValidatedBatch {
  readonly batch: Batch;
  /** One entry a rule, with one example; their counts and the batch's add up to what came in. */
  readonly refused: readonly Refusal[];
}

/**
 * Takes out what the protocol forbids. Receivers answer 2xx to most of it and drop it without a word.
 *
 * A series is refused whole when its name or a label name is missing, empty, repeated or, in 1.0,
 * outside the classic patterns, when any of them or a value holds half a surrogate pair, when the
 * series stands in the batch a second time, or when its timestamps are not whole milliseconds in
 * strictly ascending order, or a native histogram in it contradicts itself (`nativeHistogramProblem`: Prometheus
 * answers 500 to it, as if it were worth a retry). Of a series that reaches beyond `latestMs` only the samples beyond it are
 * refused. A series without samples disappears.
 *
 * @see Remote-Write 1.0, "Labels", "Ordering"; 2.0, "Series Labels", "Samples and Histogram Samples"
 */
export function validateBatch(batch: Batch, options: ValidateOptions = {}): ValidatedBatch {
  const { latestMs = Number.POSITIVE_INFINITY, labels = createLabelCache() } = options;
  const kept: BatchSeries[] = [];
  const refusals = new Map<string, { count: number; example: string }>();
  const checked = batch.series.map(({ series }) => labels.of(series));
  const keys = haveEqual(checked) ? new Set<string>() : undefined;
  let sampleCount = 0;

  function refuse({ rule, example }: LabelProblem, count: number): void {
    const refusal = refusals.get(rule);
    if (refusal) refusal.count += count;
    else refusals.set(rule, { count, example });
  }

  for (let i = 0; i < checked.length; i++) {
    const entry = batch.series[i]!;
    const { timestampsMs, values } = entry;
    if (timestampsMs.length === 0) continue;
    const problem = checked[i]!.problem ?? sampleProblem(entry) ?? (keys && repetition(entry, keys));
    if (problem) {
      refuse(problem, timestampsMs.length);
      continue;
    }
    const timely = countUpTo(timestampsMs, latestMs);
    if (timely < timestampsMs.length) {
      refuse(
        { rule: "a sample is later than the receiver's clock allows", example: entry.series.name },
        timestampsMs.length - timely,
      );
    }
    if (timely === 0) continue;
    sampleCount += timely;
    kept.push(
      timely === timestampsMs.length
        ? entry
        : { ...entry, timestampsMs: timestampsMs.slice(0, timely), values: values.slice(0, timely) },
    );
  }
  return { batch: { series: kept, sampleCount }, refused: Array.from(refusals, toRefusal) };
}

function sampleProblem({ series, timestampsMs, values }: BatchSeries): LabelProblem | undefined {
  let previous = Number.NEGATIVE_INFINITY;
  for (const timestampMs of timestampsMs) {
    if (!Number.isSafeInteger(timestampMs)) {
      return { rule: "a timestamp is not a whole number of milliseconds", example: series.name };
    }
    if (timestampMs <= previous) {
      return { rule: "timestamps of a series are not strictly ascending", example: series.name };
    }
    previous = timestampMs;
  }
  for (const value of values) {
    const problem = isHistogram(value) ? nativeHistogramProblem(value) : undefined;
    if (problem !== undefined) return { rule: `a native histogram with ${problem}`, example: series.name };
  }
  return undefined;
}

/** Whether any two may have one key: if not, none needs to be looked up (measured: five times as fast). */
function haveEqual(checked: readonly CheckedLabels[]): boolean {
  const hashes = new Int32Array(checked.length);
  for (let i = 0; i < hashes.length; i++) hashes[i] = checked[i]!.hash;
  hashes.sort();
  for (let i = 1; i < hashes.length; i++) if (hashes[i] === hashes[i - 1]) return true;
  return false;
}

function repetition(entry: BatchSeries, keys: Set<string>): LabelProblem | undefined {
  const key = keyOf(entry.series);
  if (keys.has(key)) return { rule: "a series stands twice in one batch", example: entry.series.name };
  keys.add(key);
  return undefined;
}

function countUpTo(ascending: readonly EpochMs[], latestMs: EpochMs): number {
  let count = ascending.length;
  while (count > 0 && ascending[count - 1]! > latestMs) count--;
  return count;
}

const EXAMPLE_LENGTH = 64;

function toRefusal([rule, { count, example }]: [string, { count: number; example: string }]): Refusal {
  if (example === "") return { reason: rule, count };
  const shown = example.length > EXAMPLE_LENGTH ? `${example.slice(0, EXAMPLE_LENGTH)}…` : example;
  return { reason: `${rule}, for example ${JSON.stringify(shown)}`, count };
}
