import { createHash } from "node:crypto";
import type { TotalSample } from "@promferry/core/merge";
import { formatNativeHistogram, isHistogram, seriesKey } from "@promferry/core/series";
import { exemplarText } from "./digest.ts";

/**
 * How requests were named at first, with every series in full at each of its samples. A ledger may still hold such a
 * name, and what it names goes first.
 */
export function firstDigestOf(samples: readonly TotalSample[]): string {
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
