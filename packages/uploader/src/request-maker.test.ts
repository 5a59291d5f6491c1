import { toBatch } from "@promferry/core/delivery";
import { SampleList, type TotalSample } from "@promferry/core/merge";
import { createSeriesDictionary } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { exemplar, histogram } from "../test/native-samples.ts";
import { createDigest } from "./digest.ts";
import { createRequestMaker } from "./request-maker.ts";

const family = { name: "h", type: "histogram", help: "", unit: "" } as const;
const { intern } = createSeriesDictionary();
const series = (name: string) => intern("m", [{ name: "l", value: name }]);
const sample = (more: Partial<TotalSample>): TotalSample => ({
  series: series("a"),
  family,
  timestampMs: 1_759_752_000_000,
  value: 5,
  ...more,
});
const roomy = { maxSamples: 1000, maxBytes: 1_000_000 };

test("histograms and exemplars count against a request's bytes", () => {
  const fit = (more: Partial<TotalSample>) => {
    const samples = SampleList.of(
      Array.from({ length: 100 }, (_, timestampMs) => sample({ timestampMs, ...more })),
    );
    return createRequestMaker({ maxSamples: 1000, maxBytes: 1000 }).cut(samples, 0, 100).to;
  };
  const plain = fit({});
  expect(plain).toBeGreaterThan(1);
  expect(fit({ value: histogram })).toBeLessThan(plain);
  expect(fit({ exemplars: [exemplar] })).toBeLessThan(plain);
});

for (const { labelsOnce, fits } of [
  { labelsOnce: false, fits: 3 },
  { labelsOnce: true, fits: 10 },
]) {
  test(`a request is cut where labels ${labelsOnce ? "stand once a series" : "stand with each sample"}`, () => {
    const long = series("x".repeat(191));
    const samples = SampleList.of(
      Array.from({ length: 20 }, (_, timestampMs) => sample({ series: long, timestampMs })),
    );
    // 64 bytes a sample, 201 of labels.
    const maker = createRequestMaker({ maxSamples: 100, maxBytes: 64 * 10 + 201, labelsOnce });
    expect(maker.cut(samples, 0, 20).to).toBe(fits);
  });
}

test("no request has more samples than the limits and the receiver take", () => {
  const samples = SampleList.of(Array.from({ length: 20 }, (_, timestampMs) => sample({ timestampMs })));
  const maker = createRequestMaker({ ...roomy, maxSamples: 8 });
  expect(maker.cut(samples, 4, 20).to).toBe(12);
  expect(maker.cut(samples, 4, 10).to).toBe(10);
  maker.lower(3);
  expect(maker.cut(samples, 4, 20).to).toBe(7);
  expect(maker.make(samples, 4, 20).to).toBe(20);
});

/** Instants at which some series have samples of some kind. */
const instants = fc.array(
  fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      value: fc.constantFrom<number | null | "histogram">(0, 1, 0.5, Number.NaN, null, "histogram"),
      lateMs: fc.constantFrom(0, 0, 0, 1),
      isMarked: fc.boolean(),
    }),
    { selector: ({ name }) => name },
  ),
  { maxLength: 6 },
);

test("a request holds its run of samples as toBatch groups them, whatever came before", () => {
  const used = createRequestMaker(roomy);
  fc.assert(
    fc.property(instants, fc.nat(), fc.nat(), (each, one, other) => {
      const all = each.flatMap((samples, i) =>
        samples.map(({ name, value, lateMs, isMarked }) =>
          sample({
            series: series(name),
            family: { ...family, help: String(i) },
            timestampMs: 10 * i + lateMs,
            value: value === "histogram" ? histogram : value,
            ...(isMarked && { exemplars: [exemplar], startMs: i }),
          }),
        ),
      );
      fc.pre(all.length > 0);
      const from = Math.min(one, other) % all.length;
      const to = from + 1 + (Math.max(one, other) % (all.length - from));
      const { batch, digest } = used.make(SampleList.of(all), from, to);
      expect(batch).toEqual(toBatch(all.slice(from, to)));
      expect(digest).toBe(createDigest()(batch));
    }),
    { numRuns: 500 },
  );
});

test("samples of a series that do not ascend make no request", () => {
  const samples = SampleList.of([sample({ timestampMs: 10 }), sample({ timestampMs: 10 })]);
  expect(() => createRequestMaker(roomy).make(samples, 0, 2)).toThrow(
    "must ascend in time: 10 came after 10",
  );
});
