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

/** The most that one sample adds to what is hashed, but for its series' name, a histogram, exemplars and a start. */
const HASHED_BYTES = 24;
/** So much is hashed at once. */
const CHUNK_BYTES = 32 * 1024;

const NO_NAME = new Uint8Array();

/** What a sample's first byte says. */
const IS_STALE = 1;
const IS_HISTOGRAM = 2;
const IS_NEW_SERIES = 4;
const IS_OTHER_SERIES = 8;
const IS_OTHER_TIME = 16;
const HAS_MORE = 32;

/**
 * `sha256:` and the hash of all that every sample is, in their order. A series is named where it stands first; after
 * that its place stands for it, and nothing where it follows the series that it follows always.
 */
export function createDigest(): (samples: readonly TotalSample[]) => string {
  const names = new Map<Series, Uint8Array>();
  const nameOf = (series: Series): Uint8Array => {
    let name = names.get(series);
    if (!name) {
      const key = seriesKey(series.name, series.labels);
      name = Buffer.from(`${key.length}:${key}`);
      names.set(series, name);
    }
    return name;
  };
  const bytes = Buffer.alloc(CHUNK_BYTES);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  return (samples) => {
    const hash = createHash("sha256");
    const places = createPlaces();
    let at = 0;
    let lastMs = Number.NaN;
    for (const { series, timestampMs, value, exemplars, startMs } of samples) {
      const { size: known, guess } = places;
      const place = places.of(series);
      const hasMore = exemplars !== undefined || startMs !== undefined;
      const isNew = place === known;
      const name = isNew ? nameOf(series) : NO_NAME;
      if (at + name.length + HASHED_BYTES > bytes.length) {
        hash.update(bytes.subarray(0, at));
        at = 0;
      }
      const flagsAt = at++;
      let flags = hasMore ? HAS_MORE : 0;
      if (isNew) {
        flags |= IS_NEW_SERIES;
        if (name.length + HASHED_BYTES > bytes.length) hash.update(name);
        else {
          bytes.set(name, at);
          at += name.length;
        }
      } else if (place !== guess) {
        flags |= IS_OTHER_SERIES;
        numbers.setUint32(at, place);
        at += 4;
      }
      if (timestampMs !== lastMs) {
        flags |= IS_OTHER_TIME;
        numbers.setFloat64(at, timestampMs);
        at += 8;
        lastMs = timestampMs;
      }
      if (typeof value === "number") {
        numbers.setFloat64(at, value);
        at += 8;
      } else flags |= value === null ? IS_STALE : IS_HISTOGRAM;
      bytes[flagsAt] = flags;
      if (!isHistogram(value) && !hasMore) continue;
      hash.update(bytes.subarray(0, at));
      at = 0;
      if (isHistogram(value)) hash.update(formatNativeHistogram(value));
      for (const each of exemplars ?? []) hash.update(exemplarText(each));
      if (startMs !== undefined) hash.update(`start ${startMs}`);
    }
    hash.update(bytes.subarray(0, at));
    return `sha256:${hash.digest("hex")}`;
  };
}

/** Numbers series in the order in which they first appear. */
interface Places {
  readonly size: number;
  /** The place that the next series is expected to have. */
  readonly guess: number;
  of(series: Series): number;
}

/** The samples of one instant mostly follow each other as those of the instant before: then a guess is enough. */
function createPlaces(): Places {
  const inOrder: Series[] = [];
  const places = new Map<Series, number>();
  let guess = 0;
  return {
    get size() {
      return inOrder.length;
    },
    get guess() {
      return guess;
    },
    of(series) {
      let place: number | undefined = inOrder[guess] === series ? guess : places.get(series);
      if (place === undefined) {
        place = inOrder.length;
        inOrder.push(series);
        places.set(series, place);
      }
      guess = (place + 1) % inOrder.length;
      return place;
    },
  };
}

/** All that an exemplar is, in one text. */
export function exemplarText({ labels, value, timestampMs }: Exemplar): string {
  return `${seriesKey("", labels)}${value} ${timestampMs}`;
}

/** What a sample adds to its request besides its series and its number, in bytes. */
function extraBytes({ value, exemplars }: TotalSample): number {
  let bytes = isHistogram(value) ? formatNativeHistogram(value).length : 0;
  for (const exemplar of exemplars ?? []) bytes += SAMPLE_BYTES + Buffer.byteLength(exemplarText(exemplar));
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
  const known = createPlaces();
  /** Bytes of name and labels by the series' place. */
  const labelBytes: number[] = [];
  let maxSamples = Math.max(1, limits.maxSamples);
  return {
    cut(samples, from, end) {
      const inRequest = limits.labelsOnce ? createPlaces() : undefined;
      let to = from;
      for (let bytes = 0; to < end && to - from < maxSamples; to++) {
        const sample = samples[to]!;
        const { series } = sample;
        const place = known.of(series);
        if (place === labelBytes.length) labelBytes.push(labelBytesOf(series));
        bytes += SAMPLE_BYTES + extraBytes(sample);
        const standsThere = inRequest !== undefined && inRequest.size > inRequest.of(series);
        if (!standsThere) bytes += labelBytes[place]!;
        if (bytes > limits.maxBytes && to > from) break;
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
