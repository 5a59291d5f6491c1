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
  const repeated = repeatedHashes(checked);
  const keys = new Set<string>();
  let sampleCount = 0;
  // Series of one page mostly have the same times, and often one array of them.
  let times: readonly EpochMs[] | undefined;
  let rule: string | undefined;
  let timely = 0;

  function refuse({ rule, example }: LabelProblem, count: number): void {
    const refusal = refusals.get(rule);
    if (refusal) refusal.count += count;
    else refusals.set(rule, { count, example });
  }

  for (let i = 0; i < checked.length; i++) {
    const entry = batch.series[i]!;
    const { timestampsMs, values } = entry;
    if (timestampsMs.length === 0) continue;
    const { problem: labelProblem, hash } = checked[i]!;
    const mayRepeat = hash === 0 || repeated.has(hash);
    if (timestampsMs !== times) {
      times = timestampsMs;
      rule = timesRule(times);
      timely = countUpTo(times, latestMs);
    }
    const problem =
      labelProblem ??
      (rule === undefined ? histogramProblem(entry) : { rule, example: entry.series.name }) ??
      (mayRepeat ? repetition(entry, keys) : undefined);
    if (problem) {
      refuse(problem, timestampsMs.length);
      continue;
    }
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

/** The rule that the times break; undefined where they break none. */
function timesRule(timestampsMs: readonly EpochMs[]): string | undefined {
  let previous = Number.NEGATIVE_INFINITY;
  for (const timestampMs of timestampsMs) {
    if (!Number.isSafeInteger(timestampMs)) return "a timestamp is not a whole number of milliseconds";
    if (timestampMs <= previous) return "timestamps of a series are not strictly ascending";
    previous = timestampMs;
  }
  return undefined;
}

function histogramProblem({ series, values }: BatchSeries): LabelProblem | undefined {
  for (const value of values) {
    const problem = isHistogram(value) ? nativeHistogramProblem(value) : undefined;
    if (problem !== undefined) return { rule: `a native histogram with ${problem}`, example: series.name };
  }
  return undefined;
}

/** Whoever lets many hashes meet at one place is no reason to look at more places than these. */
const MAX_PROBES = 64;

/** The hashes that any two may share; what has another one is looked up nowhere. */
function repeatedHashes(checked: readonly CheckedLabels[]): Set<number> {
  const repeated = new Set<number>();
  // At most half full, so that a hash stands close to the place that it gives itself; 0 is an empty place.
  const table = new Int32Array(2 ** (33 - Math.clz32(2 * checked.length)));
  const mask = table.length - 1;
  for (let i = 0; i < checked.length; i++) {
    const { hash } = checked[i]!;
    let place = hash & mask;
    let probes = 0;
    while (table[place] !== 0 && table[place] !== hash && ++probes < MAX_PROBES) place = (place + 1) & mask;
    if (table[place] === 0) table[place] = hash;
    else repeated.add(hash);
  }
  return repeated;
}

function repetition({ series }: BatchSeries, keys: Set<string>): LabelProblem | undefined {
  const key = keyOf(series);
  if (keys.has(key)) return { rule: "a series stands twice in one batch", example: series.name };
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
