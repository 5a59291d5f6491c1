import type { Batch, BatchSeries } from "@promferry/core/delivery";
import type { EpochMs, FamilyMetadata, NativeHistogram, SampleValue } from "@promferry/core/series";
import { createSeriesDictionary } from "@promferry/core/series";
import fc from "fast-check";

/** 2025-10-06T12:00:00Z. */
export const NOON: EpochMs = 1_759_752_000_000;

type Points = readonly (readonly [EpochMs, SampleValue])[];

/** One series of a batch; labels stay exactly as given, right or wrong. */
export function entry(name: string, labels: Readonly<Record<string, string>>, points: Points): BatchSeries {
  const family: FamilyMetadata = { name, type: "gauge", help: "", unit: "" };
  return {
    series: { name, labels: Object.entries(labels).map(([label, value]) => ({ name: label, value })) },
    family,
    timestampsMs: points.map(([timestampMs]) => timestampMs),
    values: points.map(([, value]) => value),
  };
}

export function batchOf(...series: readonly BatchSeries[]): Batch {
  return { series, sampleCount: series.reduce((sum, { values }) => sum + values.length, 0) };
}

const value: fc.Arbitrary<SampleValue> = fc.oneof(
  fc.double(),
  fc.constantFrom(null, Number.NaN, 0, -0, Infinity, -Infinity, 5e-324),
);

const counts = fc.array(fc.nat(100_000), { maxLength: 4 });

/** With exponential buckets or custom bounds, of whole counts or floats. */
export const nativeHistogram: fc.Arbitrary<NativeHistogram> = fc
  .record({
    scale: fc.constantFrom(1, 0.5),
    custom: fc.boolean(),
    schema: fc.integer({ min: -4, max: 8 }),
    sum: fc.double({ noNaN: true }),
    zero: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(9)),
    first: fc.tuple(fc.integer({ min: -900, max: 900 }), counts),
    second: fc.tuple(fc.nat(9), counts),
    negative: fc.tuple(fc.integer({ min: -900, max: 900 }), counts),
    resetHint: fc.constantFrom<NativeHistogram["resetHint"]>("unknown", "yes", "no", "gauge"),
  })
  .map(({ scale, custom, schema, sum, zero, first, second, negative, resetHint }) => {
    const lists = custom ? [[0, first[1]] as const] : [first, second];
    const positiveCounts = lists.flatMap(([, own]) => own.map((count) => count * scale));
    const negativeCounts = custom ? [] : negative[1].map((count) => count * scale);
    const zeroCount = custom ? 0 : zero[1] * scale;
    return {
      schema: custom ? -53 : schema,
      integer: scale === 1,
      count: [zeroCount, ...positiveCounts, ...negativeCounts].reduce((total, count) => total + count),
      sum,
      zeroThreshold: custom ? 0 : zero[0],
      zeroCount,
      positiveSpans: lists.map(([offset, own]) => ({ offset, length: own.length })),
      positiveCounts,
      negativeSpans: custom ? [] : [{ offset: negative[0], length: negative[1].length }],
      negativeCounts,
      customBounds: custom ? positiveCounts.map((_, i) => i - 1.5) : [],
      resetHint,
    };
  });

const points = fc
  .uniqueArray(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -3, max: 3 })), { maxLength: 5, minLength: 1 })
  .chain((timestamps) =>
    fc.tuple(...timestamps.sort((a, b) => a - b).map((timestamp) => fc.tuple(fc.constant(timestamp), value))),
  );

const labels = fc.dictionary(
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/).filter((name) => name !== "__name__"),
  fc.oneof(fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), fc.string({ minLength: 1 })),
  { maxKeys: 5 },
);

const classicName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/);

const family: fc.Arbitrary<FamilyMetadata> = fc.record({
  name: classicName,
  type: fc.constantFrom(
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
  ),
  help: fc.constantFrom("", "Helps.", "größer\n漢字", "m"),
  unit: fc.constantFrom("", "seconds", "m"),
});

function batches(
  name: fc.Arbitrary<string>,
  labelSets: fc.Arbitrary<Readonly<Record<string, string>>>,
): fc.Arbitrary<Batch> {
  return fc.array(fc.tuple(name, labelSets, points, family), { maxLength: 6 }).map((rows) => {
    const { intern } = createSeriesDictionary();
    const seen = new Set<unknown>();
    const entries = rows.map(([metric, labelSet, samples, described]) => {
      const made = entry(metric, labelSet, samples);
      return { ...made, family: described, series: intern(metric, made.series.labels) };
    });
    return batchOf(...entries.filter(({ series }) => !seen.has(series) && seen.add(series)));
  });
}

/** Batches that 1.0 allows: any Unicode in values, any double, times on both sides of 1970. */
export const validBatch: fc.Arbitrary<Batch> = batches(classicName, labels);

const anyText = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.constantFrom("http.größe", "m"),
);

/** Batches that 2.0 allows: as in 1.0, and any Unicode in names too. */
export const validBatchV2: fc.Arbitrary<Batch> = batches(
  anyText,
  fc.dictionary(
    anyText.filter((name) => name !== "__name__"),
    anyText,
    { maxKeys: 4 },
  ),
);
