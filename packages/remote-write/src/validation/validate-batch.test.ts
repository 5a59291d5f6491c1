import type { BatchSeries } from "@promferry/core/delivery";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, NOON, validBatch, validBatchV2 } from "../../test/batches.ts";
import { createStringCache } from "../request-v2/series-strings.ts";
import { hashOf } from "./label-problem.ts";
import { validateBatch } from "./validate-batch.ts";

const good = entry("good", { a: "1" }, [[NOON, 1]]);

const bad = (name: string, labels: BatchSeries["series"]["labels"]): BatchSeries => ({
  ...entry(name, {}, [
    [NOON, 1],
    [NOON + 1, 2],
  ]),
  series: { name, labels },
});

for (const { name, series, reason } of [
  { name: "without a name", series: bad("", []), reason: "the metric name is missing" },
  {
    name: "with a UTF-8 name",
    series: bad("http.größe", []),
    reason: 'a metric name does not match [a-zA-Z_:][a-zA-Z0-9_:]*, for example "http.größe"',
  },
  {
    name: "with a name that ends in a line feed",
    series: bad("m\n", []),
    reason: 'a metric name does not match [a-zA-Z_:][a-zA-Z0-9_:]*, for example "m\\n"',
  },
  {
    name: "with an empty label name",
    series: bad("m", [{ name: "", value: "x" }]),
    reason: 'a label name is empty, for example "m"',
  },
  {
    name: "with a colon in a label name",
    series: bad("m", [{ name: "a:b", value: "x" }]),
    reason: 'a label name does not match [a-zA-Z_][a-zA-Z0-9_]*, for example "a:b"',
  },
  {
    name: "with a label name twice",
    series: bad("m", [
      { name: "a", value: "x" },
      { name: "b", value: "x" },
      { name: "a", value: "x" },
    ]),
    reason: 'a label name stands twice, for example "a"',
  },
  {
    name: "with a second __name__",
    series: bad("m", [{ name: "__name__", value: "m" }]),
    reason: 'a label name stands twice, for example "__name__"',
  },
  {
    name: "with half a surrogate pair",
    series: bad("m", [{ name: "a", value: "x\ud83d" }]),
    reason: 'a label value is not valid Unicode, for example "a"',
  },
  {
    name: "that stands in the batch already",
    series: { ...bad("good", [{ name: "b", value: "" }, ...good.series.labels]) },
    reason: 'a series stands twice in one batch, for example "good"',
  },
  {
    name: "that goes back in time",
    series: entry("m", {}, [
      [2, 1],
      [1, 2],
    ]),
    reason: 'timestamps of a series are not strictly ascending, for example "m"',
  },
  {
    name: "with one instant twice",
    series: entry("m", {}, [
      [2, 1],
      [2, 1],
    ]),
    reason: 'timestamps of a series are not strictly ascending, for example "m"',
  },
  {
    name: "without an instant",
    series: entry("m", {}, [
      [Number.NaN, 1],
      [NOON, 1],
    ]),
    reason: 'a timestamp is not a whole number of milliseconds, for example "m"',
  },
  {
    name: "at half a millisecond",
    series: entry("m", {}, [
      [0.5, 1],
      [1, 1],
    ]),
    reason: 'a timestamp is not a whole number of milliseconds, for example "m"',
  },
]) {
  test(`a series ${name} is refused whole, the rest stays`, () => {
    const { batch, refused } = validateBatch(batchOf(good, series));
    expect(batch).toEqual(batchOf(good));
    expect(refused).toEqual([{ reason, count: 2 }]);
  });
}

test("of series whose hashes meet, each stays, and the one that stands there twice is refused once", () => {
  const names: string[] = [];
  for (let i = 0; names.length < 100; i++) {
    const hash = hashOf([{ name: "__name__", value: `m${i}` }]);
    if ((hash & 1023) === 1) names.push(`m${i}`);
  }
  const many = names.map((name) => entry(name, {}, [[NOON, 1]]));
  for (const twice of [many[0]!, many[50]!, many[99]!]) {
    const again = { ...twice, series: { name: twice.series.name, labels: [] } };
    const { batch, refused } = validateBatch(batchOf(...many, again));
    expect(batch).toEqual(batchOf(...many));
    const reason = `a series stands twice in one batch, for example ${JSON.stringify(twice.series.name)}`;
    expect(refused).toEqual([{ reason, count: 1 }]);
  }
});

for (const { name, series, reason } of [
  { name: "with a UTF-8 name", series: entry("http.größe", {}, [[NOON, 1]]), reason: undefined },
  {
    name: "with a colon in a label name",
    series: entry("m", { "a:b": "x" }, [[NOON, 1]]),
    reason: undefined,
  },
  { name: "without a name", series: entry("", {}, [[NOON, 1]]), reason: "the metric name is missing" },
  {
    name: "with half a surrogate pair in its name",
    series: entry("m\ud83d", {}, [[NOON, 1]]),
    reason: 'a metric name is not valid Unicode, for example "m\\ud83d"',
  },
  {
    name: "with half a surrogate pair in a label name",
    series: entry("m", { "\udc00": "x" }, [[NOON, 1]]),
    reason: 'a label name is not valid Unicode, for example "\\udc00"',
  },
  {
    name: "with a second __name__",
    series: entry("m", { __name__: "m" }, [[NOON, 1]]),
    reason: 'a label name stands twice, for example "__name__"',
  },
]) {
  test(`2.0 ${reason === undefined ? "allows" : "refuses"} a series ${name}`, () => {
    const labels = createStringCache();
    const { batch, refused } = validateBatch(batchOf(good, series), { labels });
    expect(batch).toEqual(reason === undefined ? batchOf(good, series) : batchOf(good));
    expect(refused).toEqual(reason === undefined ? [] : [{ reason, count: 1 }]);
  });
}

test("a batch that 2.0 allows is left as it is", () => {
  const labels = createStringCache();
  fc.assert(
    fc.property(validBatchV2, (batch) => {
      expect(validateBatch(batch, { labels })).toEqual({ batch, refused: [] });
    }),
    { numRuns: 50 },
  );
});

test("only the samples from beyond the latest instant are refused", () => {
  const late = entry("late", {}, [
    [NOON, 1],
    [NOON + 1, null],
    [NOON + 2, 3],
  ]);
  const { batch, refused } = validateBatch(batchOf(late, entry("later", {}, [[NOON + 9, 1]])), {
    latestMs: NOON,
  });
  expect(batch).toEqual(batchOf(entry("late", {}, [[NOON, 1]])));
  expect(refused).toEqual([
    { reason: 'a sample is later than the receiver\'s clock allows, for example "late"', count: 3 },
  ]);
});

test("one rule is one refusal, however many series break it", () => {
  const series = ["a.b", "c.d", "e.f"].map((name) => bad(name, []));
  expect(validateBatch(batchOf(...series)).refused).toEqual([
    { reason: 'a metric name does not match [a-zA-Z_:][a-zA-Z0-9_:]*, for example "a.b"', count: 6 },
  ]);
});

test("an example is bounded", () => {
  const [refusal] = validateBatch(batchOf(bad("x".repeat(5000).concat("."), []))).refused;
  expect(refusal?.reason.length).toBeLessThan(200);
});

test("a series without samples disappears", () => {
  expect(validateBatch(batchOf(entry("m", {}, [])))).toEqual({ batch: batchOf(), refused: [] });
});

test("a batch that 1.0 allows is left as it is, and what is refused adds up", () => {
  fc.assert(
    fc.property(validBatch, fc.maxSafeInteger(), (batch, latestMs) => {
      expect(validateBatch(batch)).toEqual({ batch, refused: [] });
      const some = validateBatch(batch, { latestMs });
      expect(some.refused.reduce((sum, { count }) => sum + count, some.batch.sampleCount)).toBe(
        batch.sampleCount,
      );
      expect(validateBatch(some.batch, { latestMs })).toEqual({ batch: some.batch, refused: [] });
    }),
    { numRuns: 100 },
  );
});
