import fc from "fast-check";
import { expect, test } from "vitest";
import { nativeHistograms, sevenObservations } from "../../test/native-histograms.ts";
import { formatNativeHistogram, nativeHistogramProblem, parseNativeHistogram } from "./native-histogram.ts";
import { isSameValue, pickRows, valueAt } from "./sample-value.ts";
import type { MetricFamily, NativeHistogram } from "./series.ts";

const custom: NativeHistogram = {
  ...sevenObservations,
  schema: -53,
  integer: false,
  count: 2.5,
  sum: Number.NaN,
  zeroThreshold: 0,
  zeroCount: 0,
  positiveSpans: [{ offset: 1, length: 2 }],
  positiveCounts: [2, 0.5],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [-0.5, 1],
  resetHint: "gauge",
};

for (const { name, histogram, text } of [
  {
    name: "with exponential buckets",
    histogram: sevenObservations,
    text: '{"schema":3,"count":7,"sum":18.4,"zero":[1e-128,2],"positive":[[0,1,2],[3,1]],"negative":[[-5,1]]}',
  },
  {
    name: "of floats with custom bounds",
    histogram: custom,
    text: '{"schema":-53,"count":2.5,"sum":"NaN","float":true,"positive":[[1,2,0.5]],"bounds":[-0.5,1],"reset":"gauge"}',
  },
]) {
  test(`a histogram ${name} is one line of JSON`, () => {
    expect(formatNativeHistogram(histogram)).toBe(text);
    expect(parseNativeHistogram(text)).toEqual(histogram);
  });
}

test("any histogram comes back from its text, and has no problem", () => {
  fc.assert(
    fc.property(nativeHistograms, (histogram) => {
      expect(nativeHistogramProblem(histogram)).toBeUndefined();
      expect(parseNativeHistogram(formatNativeHistogram(histogram))).toEqual(histogram);
    }),
  );
});

const plain = '{"schema":0,"count":0,"sum":0}';
for (const text of [
  "",
  "null",
  "[]",
  "{}",
  `${plain} `,
  '{"count":0,"schema":0,"sum":0}',
  '{"schema":0,"count":0,"sum":0,"more":1}',
  '{"schema":0,"count":0,"sum":null}',
  '{"schema":0,"count":0,"sum":"1"}',
  '{"schema":0,"count":0,"sum":0,"zero":[0]}',
  '{"schema":0,"count":1,"sum":0,"zero":[1,1,0]}',
  '{"schema":0,"count":0,"sum":0,"positive":[[]]}',
  '{"schema":0,"count":1,"sum":0,"positive":[1]}',
  '{"schema":0,"count":1,"sum":0,"positive":{}}',
  '{"schema":0,"count":0,"sum":0,"reset":"unknown"}',
  '{"schema":0,"count":0,"sum":0,"float":1}',
]) {
  test(`${text || "nothing"} is no text of a histogram`, () => {
    expect(parseNativeHistogram(plain)).toMatchObject({ count: 0 });
    expect(() => parseNativeHistogram(text)).toThrow(RangeError);
  });
}

for (const { problem, ...change } of [
  { problem: "schema 9", schema: 9 },
  { problem: "schema -5", schema: -5 },
  { problem: "a count that is negative or no number", count: Number.NaN },
  { problem: "a count that is negative or no number", positiveCounts: [1, 4, -1] },
  { problem: "a count that is not whole, or beyond 2^53", positiveCounts: [1, 2.5, 0.5] },
  { problem: "a count that is not whole, or beyond 2^53", count: 2 ** 53 },
  { problem: "a zero bucket of negative width", zeroThreshold: -1 },
  { problem: "spans for 3 buckets, and 2 counts", positiveCounts: [1, 3] },
  {
    problem: "a span with the offset -1",
    negativeSpans: [
      { offset: 0, length: 1 },
      { offset: -1, length: 0 },
    ],
  },
  { problem: "a span with the length -1", negativeSpans: [{ offset: 0, length: -1 }] },
  { problem: "8 observations in buckets, of 7", zeroCount: 3 },
  { problem: "6 observations in buckets, of 7", zeroCount: 1 },
  { problem: "custom bounds in an exponential schema", customBounds: [1] },
  { problem: "custom bounds beside zero or negative buckets", schema: -53 },
]) {
  test(`a histogram that has ${JSON.stringify(change)} is told: ${problem}`, () => {
    expect(nativeHistogramProblem({ ...sevenObservations, ...change })).toBe(problem);
  });
}

for (const { problem, ...change } of [
  { problem: "custom bounds that do not ascend to a number", customBounds: [1, 1] },
  { problem: "custom bounds that do not ascend to a number", customBounds: [1, Infinity] },
  { problem: "spans for 3 buckets of 2", customBounds: [1] },
  { problem: "a span below the first custom bound", positiveSpans: [{ offset: -1, length: 2 }] },
]) {
  test(`a histogram of custom bounds that has ${JSON.stringify(change)} is told: ${problem}`, () => {
    expect(nativeHistogramProblem({ ...custom, ...change })).toBe(problem);
  });
}

test("where the sum is NaN, observations may be missing from the buckets", () => {
  expect(nativeHistogramProblem({ ...sevenObservations, count: 9, sum: Number.NaN })).toBeUndefined();
});

for (const { a, b, same } of [
  { a: Number.NaN, b: Number.NaN, same: true },
  { a: 0, b: -0, same: false },
  { a: null, b: null, same: true },
  { a: null, b: Number.NaN, same: false },
  { a: sevenObservations, b: { ...sevenObservations }, same: true },
  { a: sevenObservations, b: { ...sevenObservations, sum: 1 }, same: false },
  { a: sevenObservations, b: null, same: false },
  { a: sevenObservations, b: 7, same: false },
]) {
  const shown = [a, b].map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)));
  test(`${shown.join(" and ")} are ${same ? "one value" : "two values"}`, () => {
    expect(isSameValue(a, b)).toBe(same);
    expect(isSameValue(b, a)).toBe(same);
  });
}

test("rows are picked with all that belongs to them", () => {
  const exemplar = { labels: [], value: 1, timestampMs: 5 };
  const family: MetricFamily = {
    name: "h",
    type: "histogram",
    help: "H.",
    unit: "",
    series: ["a", "b", "c"].map((value) => ({ name: "h", labels: [{ name: "l", value }] })),
    values: [Number.NaN, 2, Number.NaN],
    timestampsMs: [10, 20, 30],
    special: new Map([
      [0, sevenObservations],
      [2, null],
    ]),
    exemplars: new Map([[0, [exemplar]]]),
    startsMs: new Map([[1, 1]]),
  };

  const picked = pickRows(family, [2, 0]);

  expect(picked).toEqual({
    ...family,
    series: [family.series[2], family.series[0]],
    values: [Number.NaN, Number.NaN],
    timestampsMs: [30, 10],
    special: new Map([
      [0, null],
      [1, sevenObservations],
    ]),
    exemplars: new Map([[1, [exemplar]]]),
    startsMs: new Map(),
  });
  expect([0, 1].map((row) => valueAt(picked, row))).toEqual([null, sevenObservations]);
  expect(valueAt(family, 1)).toBe(2);
});
