import type { TotalSample } from "@promferry/core/merge";
import { createSeriesDictionary, type NativeHistogram } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { firstDigestOf } from "./first-digest.ts";
import { createDigest, createRequestMeasure } from "./samples.ts";

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

test("the first digest of plain samples is the one that older ledgers have", () => {
  expect(firstDigestOf([sample({})])).toBe(
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
  const digestOf = createDigest();
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

/** What tells samples apart, in values that JSON keeps. */
const point = fc.record({
  series: fc.constantFrom("a", "b", "c", "d"),
  timestampMs: fc.constantFrom(1, 2, 3),
  value: fc.constantFrom<number | null | "histogram">(0, 1, -1, 0.5, null, "histogram"),
  exemplars: fc.constantFrom(0, 0, 0, 1, 2),
  startMs: fc.constantFrom(undefined, undefined, 1, 2),
});
type Point = typeof point extends fc.Arbitrary<infer T> ? T : never;

/** With series objects of its own. */
function samplesOf(points: readonly Point[]): TotalSample[] {
  const { intern } = createSeriesDictionary();
  return points.map(({ series, timestampMs, value, exemplars, startMs }) => ({
    series: intern("m", [{ name: "l", value: series }]),
    family,
    timestampMs,
    value: value === "histogram" ? histogram : value,
    ...(exemplars > 0 && { exemplars: new Array(exemplars).fill(exemplar) }),
    ...(startMs !== undefined && { startMs }),
  }));
}

test("equal samples in equal order have one digest, whoever made it and whatever before; all others another", () => {
  const used = createDigest();
  const points = fc.array(point, { maxLength: 12 });
  fc.assert(
    fc.property(points, points, fc.nat(), (one, two, at) => {
      const digest = createDigest()(samplesOf(one));
      expect(used(samplesOf(one))).toBe(digest);
      const changed = one.map((each, i) => (i === at % one.length ? { ...each, ...two[0] } : each));
      for (const other of [two, changed, one.toReversed(), one.slice(1)]) {
        expect(used(samplesOf(other)) === digest).toBe(JSON.stringify(other) === JSON.stringify(one));
      }
    }),
    { numRuns: 500 },
  );
});

test("a digest of more than one chunk depends on every sample of it", () => {
  const points = Array.from(
    { length: 9000 },
    (_, i): Point => ({
      series: (["a", "b", "c", "d"] as const)[i % 4]!,
      timestampMs: 1,
      value: i,
      exemplars: 0,
      startMs: undefined,
    }),
  );
  const digest = createDigest();
  const whole = digest(samplesOf(points));
  for (let at = 0; at < points.length; at += 997) {
    expect(digest(samplesOf(points.map((each, i) => (i === at ? { ...each, value: -1 } : each))))).not.toBe(
      whole,
    );
  }
});

test("a name longer than a chunk counts, too", () => {
  const digestOfName = (name: string): string => {
    const series = createSeriesDictionary().intern(name, []);
    return createDigest()([{ series, family, timestampMs: 1, value: 1 }]);
  };
  const long = "x".repeat(100_000);
  expect(digestOfName(long)).toBe(digestOfName(long));
  expect(digestOfName(`${long}y`)).not.toBe(digestOfName(`${long}z`));
});

for (const { labelsOnce, fits } of [
  { labelsOnce: false, fits: 3 },
  { labelsOnce: true, fits: 10 },
]) {
  test(`a request is cut where labels ${labelsOnce ? "stand once a series" : "stand with each sample"}`, () => {
    const { intern } = createSeriesDictionary();
    const series = intern("m", [{ name: "l", value: "x".repeat(191) }]);
    const samples = Array.from({ length: 20 }, (_, i) => ({ series, family, timestampMs: i, value: 1 }));
    // 64 bytes a sample, 201 of labels.
    const measure = createRequestMeasure({ maxSamples: 100, maxBytes: 64 * 10 + 201, labelsOnce });
    expect(measure.cut(samples, 0, 20)).toBe(fits);
  });
}
