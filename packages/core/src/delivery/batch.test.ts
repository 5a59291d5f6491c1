import { expect, test } from "vitest";
import type { TotalSample } from "../merge/sample-list.ts";
import { createSeriesDictionary } from "../series/dictionary.ts";
import type { FamilyMetadata, NativeHistogram, SampleValue, Series } from "../series/series.ts";
import {
  batchFamilies,
  leftOutOfText,
  NATIVE_HISTOGRAMS_LEFT_OUT,
  STALE_MARKERS_LEFT_OUT,
  toBatch,
} from "./batch.ts";

const a: FamilyMetadata = { name: "a_total", type: "counter", help: "A.", unit: "" };
const b: FamilyMetadata = { name: "b", type: "gauge", help: "", unit: "" };
const { intern } = createSeriesDictionary();
const a1 = intern("a_total", [{ name: "x", value: "1" }]);
const a2 = intern("a_total", [{ name: "x", value: "2" }]);
const b1 = intern("b", []);

const sample = (
  series: Series,
  family: FamilyMetadata,
  timestampMs: number,
  value: SampleValue,
): TotalSample => ({
  series,
  family,
  timestampMs,
  value,
});

test("toBatch groups by series in the order of first appearance", () => {
  const batch = toBatch([
    sample(a1, a, 10, 1),
    sample(b1, b, 10, 5),
    sample(a1, a, 20, 2),
    sample(a2, a, 20, 7),
    sample(b1, b, 20, null),
  ]);

  expect(batch).toEqual({
    sampleCount: 5,
    series: [
      { series: a1, family: a, timestampsMs: [10, 20], values: [1, 2] },
      { series: b1, family: b, timestampsMs: [10, 20], values: [5, null] },
      { series: a2, family: a, timestampsMs: [20], values: [7] },
    ],
  });
});

test("toBatch takes a series' newest family", () => {
  const reworded = { ...a, help: "A, reworded." };
  expect(toBatch([sample(a1, a, 10, 1), sample(a1, reworded, 20, 2)]).series[0]?.family).toBe(reworded);
});

for (const secondMs of [10, 9, Number.NaN]) {
  test(`toBatch refuses a second sample at ${secondMs} after one at 10`, () => {
    expect(() => toBatch([sample(a1, a, 10, 1), sample(a1, a, secondMs, 1)])).toThrow(RangeError);
  });
}

const histogram: NativeHistogram = {
  schema: 3,
  integer: true,
  count: 3,
  sum: 1.5,
  zeroThreshold: 0.001,
  zeroCount: 1,
  positiveSpans: [{ offset: -2, length: 1 }],
  positiveCounts: [2],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [],
  resetHint: "unknown",
};

test("toBatch keeps exemplars and start times with their row", () => {
  const exemplars = [{ labels: [{ name: "trace_id", value: "t" }], value: 1, timestampMs: 15 }];
  expect(toBatch([sample(a1, a, 10, 1), { ...sample(a1, a, 20, 2), exemplars, startMs: 5 }]).series).toEqual([
    {
      series: a1,
      family: a,
      timestampsMs: [10, 20],
      values: [1, 2],
      exemplars: new Map([[1, exemplars]]),
      startsMs: new Map([[1, 5]]),
    },
  ]);
});

test("batchFamilies puts a family's series together and leaves out what text has no place for", () => {
  const batch = toBatch([
    sample(a1, a, 10, 1),
    sample(b1, b, 10, null),
    sample(a2, { ...a, help: "later" }, 10, Number.NaN),
    sample(a1, a, 20, null),
    sample(b1, b, 20, histogram),
    sample(a2, a, 20, 8),
  ]);

  expect(batchFamilies(batch)).toEqual([
    { ...a, series: [a1, a2, a2], values: [1, Number.NaN, 8], timestampsMs: [10, 10, 20] },
  ]);
  expect(leftOutOfText(batch)).toEqual([
    { reason: STALE_MARKERS_LEFT_OUT, count: 2 },
    { reason: NATIVE_HISTOGRAMS_LEFT_OUT, count: 1 },
  ]);
  expect(leftOutOfText(toBatch([sample(a1, a, 10, 1)]))).toEqual([]);
});

test("batchFamilies of nothing is nothing", () => {
  expect(batchFamilies(toBatch([]))).toEqual([]);
});
