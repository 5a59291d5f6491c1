import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, NOON, nativeHistogram, validBatch } from "../../test/batches.ts";
import { decodeTimeSeries, referenceEncode, referenceHistogram } from "../../test/reference-codec.ts";
import { encodeWriteRequest } from "./encode.ts";
import { createLabelCache } from "./series-labels.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

for (const { name, value, timestampMs, sample } of [
  // Tag 0x09: value, eight bytes, little endian. Tag 0x10: timestamp, a varint.
  { name: "the stale marker bit by bit", value: null, timestampMs: 1, sample: "09020000000000f07f1001" },
  { name: "NaN as Prometheus' own", value: Number.NaN, timestampMs: 1, sample: "09010000000000f87f1001" },
  { name: "negative zero", value: -0, timestampMs: 1, sample: "0900000000000000801001" },
  { name: "no field for zero", value: 0, timestampMs: 0, sample: "" },
  { name: "one half", value: 0.5, timestampMs: 0, sample: "09000000000000e03f" },
  { name: "an instant of 2025", value: 0, timestampMs: NOON, sample: "1080a492cb9b33" },
  { name: "the last instant of five bytes", value: 0, timestampMs: 2 ** 35 - 1, sample: "10ffffffff7f" },
  {
    name: "the last instant of six bytes",
    value: -1,
    timestampMs: 2 ** 42 - 1,
    sample: "09000000000000f0bf10ffffffffff7f",
  },
  {
    name: "the first instant of seven bytes",
    value: -1,
    timestampMs: 2 ** 42,
    sample: "09000000000000f0bf1080808080808001",
  },
  { name: "an instant before 1970", value: 0, timestampMs: -1, sample: "10ffffffffffffffffff01" },
  {
    name: "the earliest instant",
    value: 0,
    timestampMs: Number.MIN_SAFE_INTEGER,
    sample: "1081808080808080f0ff01",
  },
]) {
  test(`a sample is written with ${name}`, () => {
    const labels = hex(Buffer.from("\n\r\n\b__name__\u0012\u0001m", "latin1"));
    const message = `12${(sample.length / 2).toString(16).padStart(2, "0")}${sample}`;
    const series = labels + message;
    expect(hex(encodeWriteRequest(batchOf(entry("m", {}, [[timestampMs, value]]))))).toBe(
      `0a${(series.length / 2).toString(16).padStart(2, "0")}${series}`,
    );
  });
}

test("exemplars, native histograms and their stale marker are written as Prometheus sends them", () => {
  const exemplar = { labels: [{ name: "trace_id", value: "größe" }], value: 0.5, timestampMs: NOON - 1 };
  fc.assert(
    fc.property(nativeHistogram, (histogram) => {
      const points = [
        [NOON, histogram],
        [NOON + 1, null],
      ] as const;
      const batch = batchOf({ ...entry("h", {}, points), exemplars: new Map([[0, [exemplar]]]) });
      expect(decodeTimeSeries(encodeWriteRequest(batch))).toEqual(
        decodeTimeSeries(
          referenceEncode({
            timeseries: [
              {
                labels: [{ name: "__name__", value: "h" }],
                histograms: [
                  referenceHistogram(histogram, NOON),
                  { count_int: 0, sum: Number.NaN, timestamp: NOON + 1 },
                ],
              },
              // Behind the histograms: a Prometheus that does not know the series yet would drop them.
              {
                labels: [{ name: "__name__", value: "h" }],
                exemplars: [{ labels: exemplar.labels, value: 0.5, timestamp: NOON - 1 }],
              },
            ],
          }),
        ),
      );
    }),
  );
});

test("the stale marker of a histogram has the marker's own bits", () => {
  const ofHistogram = {
    ...entry("h", {}, [[1, null]]),
    family: { ...entry("h", {}, []).family, type: "histogram" as const },
  };
  // Field 4: count_int 0, the sum's eight bytes, timestamp.
  expect(hex(encodeWriteRequest(batchOf(ofHistogram)))).toContain("220d080019020000000000f07f7801");
  expect(hex(encodeWriteRequest(batchOf(entry("h", {}, [[1, null]]))))).toContain(
    "120b09020000000000f07f1001",
  );
});

test("labels are sorted by code point with __name__ in its place, and empty values are left out", () => {
  const labels = { b: "", a: "1", Z: "2", _: "3", __o: "4", __a: "5" };
  const batch = batchOf(entry("m", labels, [[1, 1]]));
  expect(hex(encodeWriteRequest(batch))).toBe(
    hex(
      referenceEncode({
        timeseries: [
          {
            labels: [
              { name: "Z", value: "2" },
              { name: "_", value: "3" },
              { name: "__a", value: "5" },
              { name: "__name__", value: "m" },
              { name: "__o", value: "4" },
              { name: "a", value: "1" },
            ],
            samples: [{ value: 1, timestamp: 1 }],
          },
        ],
      }),
    ),
  );
});

test("the bytes are those of a reflection encoder over the published schema", () => {
  fc.assert(
    fc.property(validBatch, (batch) => {
      const ordinary = {
        ...batch,
        series: batch.series.map((one) => ({ ...one, values: one.values.map((v) => v || 7) })),
      };
      const timeseries = ordinary.series.map(({ series, timestampsMs, values }) => ({
        labels: [...series.labels, { name: "__name__", value: series.name }].sort((a, b) =>
          Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
        ),
        samples: timestampsMs.map((timestamp, i) => ({
          value: values[i],
          ...(timestamp !== 0 && { timestamp }),
        })),
      }));
      expect(hex(encodeWriteRequest(ordinary))).toBe(hex(referenceEncode({ timeseries })));
    }),
    { numRuns: 200 },
  );
});

test("a label cache changes no byte", () => {
  const labels = createLabelCache();
  fc.assert(
    fc.property(validBatch, (batch) => {
      const bytes = hex(encodeWriteRequest(batch));
      expect(hex(encodeWriteRequest(batch, labels))).toBe(bytes);
      expect(hex(encodeWriteRequest(batch, labels))).toBe(bytes);
      for (const { series } of batch.series) expect(labels.of(series)).toBe(labels.of(series));
    }),
    { numRuns: 50 },
  );
});

test("a label set that the protocol forbids is not encoded", () => {
  const batch = batchOf(entry("m", { "not-classic": "x" }, [[1, 1]]));
  expect(() => encodeWriteRequest(batch)).toThrow(
    new RangeError('a label name does not match [a-zA-Z_][a-zA-Z0-9_]*: "not-classic"'),
  );
});

for (const { name, samples, length } of [
  { name: "a sample", samples: 1, length: 1 },
  { name: "a hundred samples", samples: 100, length: 1 },
  { name: "ten thousand samples", samples: 10_000, length: 1 },
  { name: "a long label", samples: 3, length: 100_000 },
]) {
  // Of samples without a value the length is guessed wrong.
  for (const value of [0, 1.5]) {
    test(`series of ${name} of value ${value} are encoded as by reflection`, () => {
      const labels = { l: "x".repeat(length) };
      const points = Array.from({ length: samples }, (_, i) => [NOON + i, value] as const);
      const timeseries = ["a", "b", "c"].map((metric) => ({
        labels: [
          { name: "__name__", value: metric },
          { name: "l", value: labels.l },
        ],
        samples: points.map(([timestamp]) => (value === 0 ? { timestamp } : { value, timestamp })),
      }));
      const bytes = encodeWriteRequest(
        batchOf(...["a", "b", "c"].map((metric) => entry(metric, labels, points))),
      );
      expect(Buffer.compare(bytes, referenceEncode({ timeseries }))).toBe(0);
    });
  }
}
