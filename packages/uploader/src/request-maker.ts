import type { Batch, BatchSeries, DestinationLimits } from "@promferry/core/delivery";
import type { SampleList } from "@promferry/core/merge";
import {
  type EpochMs,
  type Exemplar,
  formatNativeHistogram,
  isHistogram,
  type SampleValue,
  type Series,
  SeriesMemo,
} from "@promferry/core/series";
import { createDigest, digestOfSeries, exemplarText } from "./digest.ts";

/** What a sample takes in the widest of our bodies, JSON lines, besides its name and labels, in bytes. */
const SAMPLE_BYTES = 64;
/** What a label takes besides its name and value, in bytes. */
const LABEL_BYTES = 8;

/** A run of samples, grouped by series in the order in which each one first appears. */
export interface MadeRequest {
  /** Where the run ends. */
  readonly to: number;
  /** Series with the same times share one array of them. */
  readonly batch: Batch;
  readonly digest: string;
}

/** Makes requests of samples; gets faster with requests that resemble each other. */
export interface RequestMaker {
  /**
   * Of the longest run of samples from `from` on, up to `end`, that the limits take; at least one sample.
   *
   * @throws {RangeError} The samples of a series do not ascend in time.
   */
  cut(samples: SampleList, from: number, end: number): MadeRequest;
  /** Of all samples from `from` up to `to`. Throws as {@link cut}. */
  make(samples: SampleList, from: number, to: number): MadeRequest;
  /** From now on at most so many samples. */
  lower(maxSamples: number): void;
}

/** A series in requests. */
interface Card {
  readonly digest: string;
  readonly labelBytes: number;
  /** Number of the request that it stands in last, and which of its series it is. */
  request: number;
  row: number;
}

export function createRequestMaker(limits: DestinationLimits): RequestMaker {
  const cards = new SeriesMemo(
    (series): Card => ({
      digest: digestOfSeries(series),
      labelBytes: labelBytesOf(series),
      request: 0,
      row: 0,
    }),
  );
  const digestOf = createDigest();
  let maxSamples = Math.max(1, Math.floor(limits.maxSamples));
  let requests = 0;
  /** By sample of the request: its series' row. */
  let rows = new Uint32Array(0);

  const gather = (samples: SampleList, from: number, end: number, maxBytes: number): MadeRequest => {
    const { series, specials, extras } = samples;
    const isPlain = specials.size === 0 && extras.size === 0;
    const inOrder: Card[] = [];
    const counts: number[] = [];
    if (rows.length < end - from) rows = new Uint32Array(end - from);
    requests++;
    let to = from;
    for (let bytes = 0; to < end; to++) {
      const card = cards.of(series[to]!);
      bytes += SAMPLE_BYTES;
      if (!isPlain) bytes += extraBytes(samples.valueAt(to), samples.extras.get(to)?.exemplars);
      const isNew = card.request !== requests;
      if (isNew || !limits.labelsOnce) bytes += card.labelBytes;
      if (bytes > maxBytes && to > from) break;
      if (isNew) {
        card.request = requests;
        card.row = inOrder.length;
        inOrder.push(card);
        counts.push(0);
      }
      rows[to - from] = card.row;
      counts[card.row]!++;
    }
    const batch = { series: columnsOf(samples, from, rows, counts), sampleCount: to - from };
    const names = inOrder.map(({ digest }) => digest);
    return { to, batch, digest: digestOf(batch, names) };
  };

  return {
    cut: (samples, from, end) => gather(samples, from, Math.min(end, from + maxSamples), limits.maxBytes),
    make: (samples, from, to) => gather(samples, from, to, Number.POSITIVE_INFINITY),
    lower(count) {
      maxSamples = Math.max(1, Math.min(maxSamples, count));
    },
  };
}

/**
 * @param rows By sample from `from` on: which series it is of.
 * @param counts By series: its samples.
 */
function columnsOf(
  samples: SampleList,
  from: number,
  rows: Uint32Array,
  counts: readonly number[],
): BatchSeries[] {
  const ends = new Uint32Array(counts.length);
  let sampleCount = 0;
  for (let row = 0; row < counts.length; row++) {
    ends[row] = sampleCount;
    sampleCount += counts[row]!;
  }
  /** Those of each series together, in their order. */
  const indices = new Uint32Array(sampleCount);
  for (let i = 0; i < sampleCount; i++) indices[ends[rows[i]!]!++] = from + i;

  const columns: BatchSeries[] = [];
  let timestampsMs: readonly EpochMs[] = [];
  let start = 0;
  for (const end of ends) {
    timestampsMs = timesOf(samples, indices, start, end, timestampsMs);
    const last = indices[end - 1]!;
    const series = samples.series[last]!;
    const family = samples.families[last]!;
    const values = valuesOf(samples, indices, start, end);
    const extras = samples.extras.size === 0 ? undefined : extrasOf(samples, indices, start, end);
    columns.push({ series, family, timestampsMs, values, ...extras });
    start = end;
  }
  return columns;
}

/** @param before The times of another series, which are given where they are the same. */
function timesOf(
  { timestampsMs, series }: SampleList,
  indices: Uint32Array,
  start: number,
  end: number,
  before: readonly EpochMs[],
): readonly EpochMs[] {
  let same = before.length === end - start ? start : -1;
  while (same >= 0 && same < end) {
    if (timestampsMs[indices[same]!] === before[same - start]) same++;
    else same = -1;
  }
  if (same >= 0) return before;
  let previousMs = timestampsMs[indices[start]!]!;
  const times = [previousMs];
  for (let i = start + 1; i < end; i++) {
    const timestampMs = timestampsMs[indices[i]!]!;
    if (!(timestampMs > previousMs)) {
      const { name } = series[indices[i]!]!;
      throw new RangeError(`samples of ${name} must ascend in time: ${timestampMs} came after ${previousMs}`);
    }
    times.push(timestampMs);
    previousMs = timestampMs;
  }
  return times;
}

function valuesOf(samples: SampleList, indices: Uint32Array, start: number, end: number): SampleValue[] {
  if (samples.specials.size > 0)
    return Array.from(indices.subarray(start, end), (index) => samples.valueAt(index));
  const values = [samples.values[indices[start]!]!];
  for (let i = start + 1; i < end; i++) values.push(samples.values[indices[i]!]!);
  return values;
}

function extrasOf(
  { extras }: SampleList,
  indices: Uint32Array,
  start: number,
  end: number,
): Pick<BatchSeries, "exemplars" | "startsMs"> {
  const exemplars = new Map<number, readonly Exemplar[]>();
  const startsMs = new Map<number, EpochMs>();
  for (let i = start; i < end; i++) {
    const own = extras.get(indices[i]!);
    if (own?.exemplars) exemplars.set(i - start, own.exemplars);
    if (own?.startMs !== undefined) startsMs.set(i - start, own.startMs);
  }
  return { ...(exemplars.size > 0 && { exemplars }), ...(startsMs.size > 0 && { startsMs }) };
}

/** What a sample adds to its request besides its series and its number, in bytes. */
function extraBytes(value: SampleValue, exemplars: readonly Exemplar[] = []): number {
  let bytes = isHistogram(value) ? formatNativeHistogram(value).length : 0;
  for (const exemplar of exemplars) bytes += SAMPLE_BYTES + Buffer.byteLength(exemplarText(exemplar));
  return bytes;
}

function labelBytesOf({ name, labels }: Series): number {
  let bytes = Buffer.byteLength(name);
  for (const label of labels) {
    bytes += LABEL_BYTES + Buffer.byteLength(label.name) + Buffer.byteLength(label.value);
  }
  return bytes;
}
