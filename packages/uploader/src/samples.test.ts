import type { TotalSample } from "@promferry/core/merge";
import type { NativeHistogram } from "@promferry/core/series";
import { expect, test } from "vitest";
import { createRequestMeasure, digestOf } from "./samples.ts";

const family = { name: "h", type: "histogram", help: "", unit: "" } as const;
const histogram: NativeHistogram = {
  schema: 0,
  integer: true,
  count: 3,
  sum: 6,
  zeroThreshold: 0.5,
  zeroCount: 1,
  positiveSpans: [{ offset: 1, length: 1 }],
  positiveCounts: [2],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [],
  resetHint: "unknown",
};
const exemplar = { labels: [{ name: "trace_id", value: "x" }], value: 1, timestampMs: 5 };
const sample = (more: Partial<TotalSample>): TotalSample => ({
  series: { name: "h", labels: [] },
  family,
  timestampMs: 1_759_752_000_000,
  value: 5,
  ...more,
});

test("the digest of plain samples is the one that older ledgers have", () => {
  expect(digestOf([sample({})])).toBe(
    "sha256:020bbfd222ca59285488934003e1f538d427f177db12024290fd23c69825629f",
  );
});

test("whatever a sample holds is in its request's digest", () => {
  const all = [
    sample({}),
    sample({ value: null }),
    sample({ value: 0 }),
    sample({ value: histogram }),
    sample({ value: { ...histogram, sum: 7 } }),
    sample({ exemplars: [exemplar] }),
    sample({ exemplars: [exemplar, exemplar] }),
    sample({ exemplars: [{ ...exemplar, value: 2 }] }),
    sample({ exemplars: [{ ...exemplar, timestampMs: 6 }] }),
    sample({ exemplars: [{ ...exemplar, labels: [] }] }),
    sample({ startMs: 1 }),
    sample({ startMs: 2 }),
  ];
  expect(new Set(all.map((each) => digestOf([each]))).size).toBe(all.length);
  expect(digestOf([sample({ value: { ...histogram } })])).toBe(digestOf([sample({ value: histogram })]));
});

test("histograms and exemplars count against a request's bytes", () => {
  const fit = (each: TotalSample) => {
    const samples = Array.from({ length: 100 }, () => each);
    return createRequestMeasure({ maxSamples: 1000, maxBytes: 1000 }).cut(samples, 0, 100);
  };
  const plain = fit(sample({}));
  expect(plain).toBeGreaterThan(1);
  expect(fit(sample({ value: histogram }))).toBeLessThan(plain);
  expect(fit(sample({ exemplars: [exemplar] }))).toBeLessThan(plain);
});
