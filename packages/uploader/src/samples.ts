/** What is asked of a list of samples: its digest, and how much of it fits into a request. */

import { createHash, hash } from "node:crypto";
import type { Batch, DestinationLimits } from "@promferry/core/delivery";
import type { SampleList } from "@promferry/core/merge";
import {
  type EpochMs,
  type Exemplar,
  formatNativeHistogram,
  isHistogram,
  type SampleValue,
  type Series,
  SeriesMemo,
  seriesKey,
} from "@promferry/core/series";

/** What a sample takes in the widest of our bodies, JSON lines, besides its name and labels, in bytes. */
const SAMPLE_BYTES = 64;
/** What a label takes besides its name and value, in bytes. */
const LABEL_BYTES = 8;

/** So much is hashed at once. */
const CHUNK_BYTES = 32 * 1024;
const NUMBER_BYTES = 8;

/** What stands behind a series' values. */
const HAS_SPECIALS = 1;
const HAS_EXEMPLARS = 2;
const HAS_STARTS = 4;

/**
 * `sha256:` and the hash of all that a batch is: series by series, in their order, name and labels, the times where
 * they are not those of the series before, the values, and what few samples have.
 */
export function createDigest(): (batch: Batch) => string {
  // A name is longer than its samples, and stands in every request.
  const names = new SeriesMemo(({ name, labels }) => hash("sha256", seriesKey(name, labels), "binary"));
  const bytes = Buffer.alloc(CHUNK_BYTES);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  return ({ series: all }) => {
    const sum = createHash("sha256");
    let at = 0;
    const flush = () => {
      sum.update(bytes.subarray(0, at));
      at = 0;
    };
    const putNumber = (value: number) => {
      if (at + NUMBER_BYTES > bytes.length) flush();
      numbers.setFloat64(at, value);
      at += NUMBER_BYTES;
    };
    const putName = (name: string) => {
      if (at + name.length > bytes.length) flush();
      at += bytes.write(name, at, "latin1");
    };
    const putText = (text: string) => {
      flush();
      sum.update(`${text.length}:${text}`);
    };
    let lastTimes: readonly EpochMs[] = [];
    for (const { series, timestampsMs, values, exemplars, startsMs } of all) {
      putName(names.of(series));
      const isOfSameTimes = isSameColumn(timestampsMs, lastTimes);
      // A length of 0 stands for the times before.
      putNumber(isOfSameTimes ? 0 : timestampsMs.length);
      if (!isOfSameTimes) for (let i = 0; i < timestampsMs.length; i++) putNumber(timestampsMs[i]!);
      lastTimes = timestampsMs;
      let specials = "";
      for (let i = 0; i < values.length; i++) {
        const value = values[i]!;
        if (typeof value === "number") putNumber(value);
        else {
          putNumber(0);
          specials += `${i} ${value === null ? "stale" : formatNativeHistogram(value)}\n`;
        }
      }
      const flags =
        (specials === "" ? 0 : HAS_SPECIALS) | (exemplars ? HAS_EXEMPLARS : 0) | (startsMs ? HAS_STARTS : 0);
      putNumber(flags);
      if (specials !== "") putText(specials);
      if (exemplars)
        putText(JSON.stringify([...exemplars].map(([row, list]) => [row, list.map(exemplarText)])));
      if (startsMs) putText(JSON.stringify([...startsMs]));
    }
    flush();
    return `sha256:${sum.digest("hex")}`;
  };
}

function isSameColumn(one: readonly number[], other: readonly number[]): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** All that an exemplar is, in one text. */
export function exemplarText({ labels, value, timestampMs }: Exemplar): string {
  return `${seriesKey("", labels)}${value} ${timestampMs}`;
}

/** What a sample adds to its request besides its series and its number, in bytes. */
function extraBytes(value: SampleValue, exemplars: readonly Exemplar[] = []): number {
  let bytes = isHistogram(value) ? formatNativeHistogram(value).length : 0;
  for (const exemplar of exemplars) bytes += SAMPLE_BYTES + Buffer.byteLength(exemplarText(exemplar));
  return bytes;
}

/** Measures requests before they are encoded. */
export interface RequestMeasure {
  /** The end of the longest run of samples from `from` on, up to `end`, that the limits take; at least one sample. */
  cut(samples: SampleList, from: number, end: number): number;
  /** From now on at most so many samples. */
  lower(maxSamples: number): void;
}

export function createRequestMeasure(limits: DestinationLimits): RequestMeasure {
  const known = new SeriesMemo((series) => ({ labelBytes: labelBytesOf(series), lastCut: 0 }));
  let maxSamples = Math.max(1, limits.maxSamples);
  let cuts = 0;
  return {
    cut(samples, from, end) {
      const { series, specials, extras } = samples;
      const isPlain = specials.size === 0 && extras.size === 0;
      cuts++;
      let to = from;
      for (let bytes = 0; to < end && to - from < maxSamples; to++) {
        const entry = known.of(series[to]!);
        bytes += SAMPLE_BYTES;
        if (!isPlain) bytes += extraBytes(samples.valueAt(to), extras.get(to)?.exemplars);
        if (!limits.labelsOnce || entry.lastCut !== cuts) bytes += entry.labelBytes;
        if (bytes > limits.maxBytes && to > from) break;
        entry.lastCut = cuts;
      }
      return to;
    },
    lower(count) {
      maxSamples = Math.max(1, Math.min(maxSamples, count));
    },
  };
}

function labelBytesOf({ name, labels }: Series): number {
  let bytes = Buffer.byteLength(name);
  for (const label of labels) {
    bytes += LABEL_BYTES + Buffer.byteLength(label.name) + Buffer.byteLength(label.value);
  }
  return bytes;
}
