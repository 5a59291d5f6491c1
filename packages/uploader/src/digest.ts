import { createHash, hash } from "node:crypto";
import type { Batch } from "@promferry/core/delivery";
import {
  type EpochMs,
  type Exemplar,
  formatNativeHistogram,
  type Series,
  seriesKey,
} from "@promferry/core/series";

/** So much is hashed at once. */
const CHUNK_BYTES = 32 * 1024;
const NUMBER_BYTES = 8;

/** What stands behind a series' values. */
const HAS_SPECIALS = 1;
const HAS_EXEMPLARS = 2;
const HAS_STARTS = 4;

/** What stands for a series in a digest: a name is longer than its samples, and comes with every request. */
export function digestOfSeries({ name, labels }: Series): string {
  return hash("sha256", seriesKey(name, labels), "binary");
}

/**
 * `sha256:` and the hash of all that a batch is: series by series, in their order, name and labels, the times where
 * they are not those of the series before, the values, and what few samples have.
 *
 * @param names The {@link digestOfSeries} of each of the batch's series, where they are known. Default: made.
 */
export type Digest = (batch: Batch, names?: readonly string[]) => string;

export function createDigest(): Digest {
  const bytes = Buffer.alloc(CHUNK_BYTES);
  const numbers = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

  return ({ series: all }, names = all.map(({ series }) => digestOfSeries(series))) => {
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
    for (let row = 0; row < all.length; row++) {
      const { timestampsMs, values, exemplars, startsMs } = all[row]!;
      putName(names[row]!);
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
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** All that an exemplar is, in one text. */
export function exemplarText({ labels, value, timestampMs }: Exemplar): string {
  return `${seriesKey("", labels)}${value} ${timestampMs}`;
}
