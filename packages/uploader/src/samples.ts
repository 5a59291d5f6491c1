/** What is asked of a list of samples: its digest, and how much of it fits into a request. */

import { createHash } from "node:crypto";
import type { DestinationLimits } from "@promferry/core/delivery";
import type { TotalSample } from "@promferry/core/merge";
import {
  type Exemplar,
  formatNativeHistogram,
  isHistogram,
  type Series,
  seriesKey,
} from "@promferry/core/series";

/** What a sample takes in the widest of our bodies, JSON lines, besides its name and labels, in bytes. */
const SAMPLE_BYTES = 64;
/** What a label takes besides its name and value, in bytes. */
const LABEL_BYTES = 8;

/** `sha256:` and the hash of all that every sample is, in their order. */
export function digestOf(samples: readonly TotalSample[]): string {
  const hash = createHash("sha256");
  const numbers = new DataView(new ArrayBuffer(17));
  for (const { series, timestampMs, value, exemplars, startMs } of samples) {
    const key = Buffer.from(seriesKey(series.name, series.labels));
    numbers.setUint8(0, value === null ? 1 : isHistogram(value) ? 2 : 0);
    numbers.setFloat64(1, timestampMs);
    numbers.setFloat64(9, typeof value === "number" ? value : 0);
    hash.update(`${key.length}:`).update(key).update(new Uint8Array(numbers.buffer));
    if (isHistogram(value)) hash.update(formatNativeHistogram(value));
    if (exemplars) for (const each of exemplars) hash.update(exemplarText(each));
    if (startMs !== undefined) hash.update(`start ${startMs}`);
  }
  return `sha256:${hash.digest("hex")}`;
}

function exemplarText({ labels, value, timestampMs }: Exemplar): string {
  return `${seriesKey("", labels)}${value} ${timestampMs}`;
}

/** What a sample adds to its request besides its series and its number, in bytes. */
function extraBytes({ value, exemplars = [] }: TotalSample): number {
  let bytes = isHistogram(value) ? formatNativeHistogram(value).length : 0;
  for (const exemplar of exemplars) bytes += SAMPLE_BYTES + Buffer.byteLength(exemplarText(exemplar));
  return bytes;
}

/** Measures requests before they are encoded. */
export interface RequestMeasure {
  /** The end of the longest run of samples from `from` on, up to `end`, that the limits take; at least one sample. */
  cut(samples: readonly TotalSample[], from: number, end: number): number;
  /** From now on at most so many samples. */
  lower(maxSamples: number): void;
}

export function createRequestMeasure(limits: DestinationLimits): RequestMeasure {
  const bytesBySeries = new Map<Series, number>();
  let maxSamples = Math.max(1, limits.maxSamples);
  const bytesOf = (series: Series): number => {
    let bytes = bytesBySeries.get(series);
    if (bytes === undefined) {
      bytes = SAMPLE_BYTES + Buffer.byteLength(series.name);
      for (const { name, value } of series.labels) {
        bytes += LABEL_BYTES + Buffer.byteLength(name) + Buffer.byteLength(value);
      }
      bytesBySeries.set(series, bytes);
    }
    return bytes;
  };
  return {
    cut(samples, from, end) {
      let to = from;
      for (let bytes = 0; to < end && to - from < maxSamples; to++) {
        const sample = samples[to]!;
        bytes += bytesOf(sample.series) + extraBytes(sample);
        if (bytes > limits.maxBytes && to > from) break;
      }
      return to;
    },
    lower(count) {
      maxSamples = Math.max(1, Math.min(maxSamples, count));
    },
  };
}
