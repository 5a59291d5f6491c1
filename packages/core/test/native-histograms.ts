/** Native histograms that receivers take, for property tests. */

import fc from "fast-check";
import type { BucketSpan, NativeHistogram } from "../src/series/series.ts";

const hint = fc.constantFrom<NativeHistogram["resetHint"]>("unknown", "yes", "no", "gauge");
const anySum = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Infinity, -0, 0, 18.4));

function buckets(
  counts: fc.Arbitrary<number>,
  leastOffset: number,
): fc.Arbitrary<{ readonly spans: BucketSpan[]; readonly counts: number[] }> {
  const span = (offset: number) =>
    fc.tuple(fc.integer({ min: offset, max: 40 }), fc.array(counts, { maxLength: 4 }));
  return fc.tuple(fc.option(span(leastOffset)), fc.array(span(0), { maxLength: 3 })).map(([first, more]) => {
    const spans = first ? [first, ...more] : [];
    return {
      spans: spans.map(([offset, own]) => ({ offset, length: own.length })),
      counts: spans.flatMap(([, own]) => own),
    };
  });
}

function total(...counts: readonly (readonly number[])[]): number {
  return counts.flat().reduce((sum, count) => sum + count, 0);
}

function exponential(integer: boolean): fc.Arbitrary<NativeHistogram> {
  const count = integer ? fc.nat(1_000_000) : fc.double({ min: 0, max: 1e9, noNaN: true });
  return fc
    .record({
      schema: fc.integer({ min: -4, max: 8 }),
      sum: anySum,
      zeroThreshold: fc.double({ min: 0, max: 1, noNaN: true }),
      zeroCount: count,
      positive: buckets(count, -200),
      negative: buckets(count, -200),
      resetHint: hint,
    })
    .map(({ positive, negative, ...rest }) => ({
      ...rest,
      integer,
      count: total([rest.zeroCount], positive.counts, negative.counts),
      positiveSpans: positive.spans,
      positiveCounts: positive.counts,
      negativeSpans: negative.spans,
      negativeCounts: negative.counts,
      customBounds: [],
    }));
}

const custom: fc.Arbitrary<NativeHistogram> = fc
  .record({
    integer: fc.boolean(),
    sum: anySum,
    counts: fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
    first: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    resetHint: hint,
  })
  .map(({ counts, first, ...rest }) => ({
    ...rest,
    schema: -53,
    count: total(counts),
    zeroThreshold: 0,
    zeroCount: 0,
    positiveSpans: [{ offset: 0, length: counts.length }],
    positiveCounts: counts,
    negativeSpans: [],
    negativeCounts: [],
    customBounds: counts.slice(1).map((_, i) => first + i),
  }));

/** Whole and float counts, exponential buckets and custom bounds. */
export const nativeHistograms: fc.Arbitrary<NativeHistogram> = fc.oneof(
  exponential(true),
  exponential(false),
  custom,
);

/** One histogram of seven observations, for tables. */
export const sevenObservations: NativeHistogram = {
  schema: 3,
  integer: true,
  count: 7,
  sum: 18.4,
  zeroThreshold: 1e-128,
  zeroCount: 2,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 3, length: 1 },
  ],
  positiveCounts: [1, 2, 1],
  negativeSpans: [{ offset: -5, length: 1 }],
  negativeCounts: [1],
  customBounds: [],
  resetHint: "unknown",
};
