import { type Batch, toBatch } from "@promferry/core/delivery";
import type { TotalSample } from "@promferry/core/merge";
import { createSeriesDictionary } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { exemplar, histogram } from "../test/native-samples.ts";
import { createDigest } from "./digest.ts";
import { firstDigestOf } from "./first-digest.ts";

const family = { name: "h", type: "histogram", help: "", unit: "" } as const;
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
  expect(new Set(all.map((each) => digestOf(toBatch([each])))).size).toBe(all.length);
  expect(digestOf(toBatch([sample({ value: { ...histogram } })]))).toBe(
    digestOf(toBatch([sample({ value: histogram })])),
  );
});

/** What tells samples apart, in values that JSON keeps. */
const row = fc.record({
  timestampMs: fc.constantFrom(1, 2, 3),
  value: fc.constantFrom<number | null | "histogram">(0, 1, -1, 0.5, null, "histogram"),
  exemplars: fc.constantFrom(0, 0, 0, 1, 2),
  startMs: fc.constantFrom(undefined, undefined, 1, 2),
});
const column = fc.uniqueArray(row, {
  selector: ({ timestampMs }) => timestampMs,
  minLength: 1,
  maxLength: 3,
});
const columns = fc.uniqueArray(fc.record({ series: fc.constantFrom("a", "b", "c", "d"), rows: column }), {
  selector: ({ series }) => series,
  maxLength: 4,
});
type Columns = typeof columns extends fc.Arbitrary<infer T> ? T : never;

/** With series objects of its own. */
function batchOf(all: Columns): Batch {
  const { intern } = createSeriesDictionary();
  return toBatch(
    all.flatMap(({ series, rows }) =>
      rows
        .toSorted((a, b) => a.timestampMs - b.timestampMs)
        .map(({ timestampMs, value, exemplars, startMs }) => ({
          series: intern("m", [{ name: "l", value: series }]),
          family,
          timestampMs,
          value: value === "histogram" ? histogram : value,
          ...(exemplars > 0 && { exemplars: new Array(exemplars).fill(exemplar) }),
          ...(startMs !== undefined && { startMs }),
        })),
    ),
  );
}

/** All that a batch is, as text. */
function textOf({ series }: Batch): string {
  const isMap = (value: unknown): value is Map<unknown, unknown> => value instanceof Map;
  return JSON.stringify(series, (_, value) => (isMap(value) ? [...value] : value));
}

test("equal batches have one digest, whoever made it and whatever before; all others another", () => {
  const used = createDigest();
  fc.assert(
    fc.property(columns, columns, fc.nat(), (one, two, at) => {
      const batch = batchOf(one);
      const digest = createDigest()(batch);
      expect(used(batchOf(one))).toBe(digest);
      const changed = one.map((each, i) => (i === at % one.length ? { ...each, ...two[0] } : each));
      const isRepeated = new Set(changed.map(({ series }) => series)).size < changed.length;
      for (const other of [two, ...(isRepeated ? [] : [changed]), one.toReversed(), one.slice(1)]) {
        expect(used(batchOf(other)) === digest).toBe(textOf(batchOf(other)) === textOf(batch));
      }
    }),
    { numRuns: 500 },
  );
});

test("a digest of more than one chunk depends on every sample of it", () => {
  const samples = Array.from({ length: 9000 }, (_, i) => sample({ timestampMs: i, value: i }));
  const digest = createDigest();
  const whole = digest(toBatch(samples));
  for (let at = 0; at < samples.length; at += 997) {
    for (const changed of [
      sample({ timestampMs: at, value: -1 }),
      sample({ timestampMs: at - 0.5, value: at }),
    ])
      expect(digest(toBatch(samples.with(at, changed)))).not.toBe(whole);
  }
});

test("a long name counts whole", () => {
  const digestOfName = (name: string): string => {
    const series = createSeriesDictionary().intern(name, []);
    return createDigest()(toBatch([{ series, family, timestampMs: 1, value: 1 }]));
  };
  const long = "x".repeat(100_000);
  expect(digestOfName(long)).toBe(digestOfName(long));
  expect(digestOfName(`${long}y`)).not.toBe(digestOfName(`${long}z`));
});
