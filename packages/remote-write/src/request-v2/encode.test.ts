import { compareCodePoints, type FamilyMetadata } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, NOON, nativeHistogram, validBatch, validBatchV2 } from "../../test/batches.ts";
import { referenceDecodeV2, referenceEncodeV2, referenceHistogram } from "../../test/reference-codec.ts";
import { encodeRequestV2 } from "./encode.ts";
import { createStringCache } from "./series-strings.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const ofFamily = (
  family: Partial<FamilyMetadata>,
  name = "m",
  labels: Readonly<Record<string, string>> = {},
) => {
  const made = entry(name, labels, [[1, 1]]);
  return { ...made, family: { name, type: "unknown", help: "", unit: "", ...family } as FamilyMetadata };
};

for (const { name, value, timestampMs, sample } of [
  { name: "the stale marker bit by bit", value: null, timestampMs: 1, sample: "09020000000000f07f1001" },
  { name: "NaN as Prometheus' own", value: Number.NaN, timestampMs: 1, sample: "09010000000000f87f1001" },
  { name: "negative zero", value: -0, timestampMs: 1, sample: "0900000000000000801001" },
  { name: "no field for zero", value: 0, timestampMs: 0, sample: "" },
  { name: "an instant of 2025", value: 0, timestampMs: NOON, sample: "1080a492cb9b33" },
  { name: "an instant before 1970", value: 0, timestampMs: -1, sample: "10ffffffffffffffffff01" },
]) {
  test(`a sample of 2.0 is written with ${name}`, () => {
    const length = (text: string): string => (text.length / 2).toString(16).padStart(2, "0");
    // Symbols: "", "__name__", "m"; then the references 1, 2, the sample, and the type gauge.
    const series = `0a020102${`12${length(sample)}${sample}`}2a020802`;
    expect(hex(encodeRequestV2(batchOf(entry("m", {}, [[timestampMs, value]]))))).toBe(
      `220022085f5f6e616d655f5f22016d2a${length(series)}${series}`,
    );
  });
}

test("exemplars, start times and native histograms stand there, never beside samples", () => {
  const exemplar = { labels: [{ name: "trace_id", value: "x" }], value: 0.5, timestampMs: NOON - 1 };
  fc.assert(
    fc.property(nativeHistogram, (histogram) => {
      const points = [
        [NOON, 5],
        [NOON + 1, histogram],
        [NOON + 2, null],
      ] as const;
      const exemplars = new Map([[1, [exemplar]]]);
      const startsMs = new Map([
        [0, NOON - 9],
        [1, NOON - 8],
      ]);
      const batch = batchOf({ ...entry("h", {}, points), exemplars, startsMs });
      expect(referenceDecodeV2(encodeRequestV2(batch))).toEqual(
        referenceDecodeV2(
          referenceEncodeV2({
            symbols: ["", "__name__", "h", "trace_id", "x"],
            timeseries: [
              {
                labels_refs: [1, 2],
                samples: [{ value: 5, timestamp: NOON, start_timestamp: NOON - 9 }],
                metadata: { type: "METRIC_TYPE_GAUGE" },
                created_timestamp: NOON - 9,
              },
              {
                labels_refs: [1, 2],
                histograms: [
                  { ...referenceHistogram(histogram, NOON + 1), start_timestamp: NOON - 8 },
                  { count_int: 0, sum: Number.NaN, timestamp: NOON + 2 },
                ],
                exemplars: [{ labels_refs: [3, 4], value: 0.5, timestamp: NOON - 1 }],
                metadata: { type: "METRIC_TYPE_GAUGE" },
              },
            ],
          }),
        ),
      );
    }),
  );
});

test("each string stands in the symbols once, the empty one first, and labels are sorted by code point", () => {
  const counter = { type: "counter", help: "Seen.", unit: "b" } as const;
  const batch = batchOf(
    ofFamily(counter, "m", { b: "m", a: "", Z: "b" }),
    ofFamily({ ...counter, unit: "" }, "n", { "größe.漢": "m" }),
    ofFamily({}, "Seen."),
  );
  const samples = [{ value: 1, timestamp: 1 }];
  expect(hex(encodeRequestV2(batch))).toBe(
    hex(
      referenceEncodeV2({
        symbols: ["", "Z", "b", "__name__", "m", "Seen.", "n", "größe.漢"],
        timeseries: [
          {
            labels_refs: [1, 2, 3, 4, 2, 4],
            samples,
            metadata: { type: "METRIC_TYPE_COUNTER", help_ref: 5, unit_ref: 2 },
          },
          { labels_refs: [3, 6, 7, 4], samples, metadata: { type: "METRIC_TYPE_COUNTER", help_ref: 5 } },
          { labels_refs: [3, 5], samples },
        ],
      }),
    ),
  );
});

for (const [type, name] of Object.entries({
  counter: "METRIC_TYPE_COUNTER",
  gauge: "METRIC_TYPE_GAUGE",
  histogram: "METRIC_TYPE_HISTOGRAM",
  gaugehistogram: "METRIC_TYPE_GAUGEHISTOGRAM",
  summary: "METRIC_TYPE_SUMMARY",
  info: "METRIC_TYPE_INFO",
  stateset: "METRIC_TYPE_STATESET",
})) {
  test(`the type ${type} is written as ${name}`, () => {
    const family = { type: type as FamilyMetadata["type"] };
    const [series] = referenceDecodeV2(encodeRequestV2(batchOf(ofFamily(family)))).timeseries;
    expect(series?.metadata).toEqual({ type: name, help_ref: 0, unit_ref: 0 });
  });
}

test("what a reflection decoder over the published schema reads is the batch", () => {
  fc.assert(
    fc.property(validBatchV2, (batch) => {
      const { symbols, timeseries } = referenceDecodeV2(encodeRequestV2(batch));
      expect(symbols[0] ?? "").toBe("");
      expect(new Set(symbols).size).toBe(symbols.length);
      const read = timeseries.map(({ labels_refs: refs, samples, metadata }) => ({
        labels: refs.map((ref) => symbols[ref]),
        samples: samples.map(({ value, timestamp }) => [timestamp, value]),
        help: symbols[metadata?.help_ref ?? 0],
        unit: symbols[metadata?.unit_ref ?? 0],
      }));
      expect(read).toEqual(
        batch.series.map(({ series, family, timestampsMs, values }) => ({
          labels: [...series.labels, { name: "__name__", value: series.name }]
            .sort((a, b) => compareCodePoints(a.name, b.name))
            .flatMap(({ name, value }) => [name, value]),
          samples: timestampsMs.map((timestampMs, i) => [timestampMs, values[i] ?? Number.NaN]),
          help: family.help,
          unit: family.unit,
        })),
      );
    }),
    { numRuns: 200 },
  );
});

test("the bytes are those of a reflection encoder over the published schema", () => {
  fc.assert(
    fc.property(validBatchV2, (batch) => {
      const ordinary = {
        ...batch,
        series: batch.series.map((one) => ({ ...one, values: one.values.map((value) => value || 7) })),
      };
      const bytes = encodeRequestV2(ordinary);
      const { symbols, timeseries } = referenceDecodeV2(bytes);
      const present = <T>(value: T): T | undefined => (value ? value : undefined);
      const again = referenceEncodeV2({
        symbols,
        timeseries: timeseries.map(({ labels_refs, samples, metadata }) => ({
          labels_refs,
          samples: samples.map(({ value, timestamp }) => ({ value, timestamp: present(timestamp) })),
          metadata: metadata && {
            type: metadata.type === "METRIC_TYPE_UNSPECIFIED" ? undefined : metadata.type,
            help_ref: present(metadata.help_ref),
            unit_ref: present(metadata.unit_ref),
          },
        })),
      });
      expect(hex(bytes)).toBe(hex(again));
    }),
    { numRuns: 100 },
  );
});

test("a string cache changes no byte", () => {
  const strings = createStringCache();
  fc.assert(
    fc.property(validBatch, (batch) => {
      const bytes = hex(encodeRequestV2(batch));
      expect(hex(encodeRequestV2(batch, strings))).toBe(bytes);
      expect(hex(encodeRequestV2(batch, strings))).toBe(bytes);
      for (const { series } of batch.series) expect(strings.of(series)).toBe(strings.of(series));
    }),
    { numRuns: 50 },
  );
});

test("a request that begins as the last one did has the bytes of one that stands alone", () => {
  const families = ["m", "h"].map((name) => ofFamily({ help: `${name}?`, type: "histogram" }, name).family);
  const all = Array.from({ length: 8 }, (_, i) => ({
    ...entry(i === 5 ? "h" : "m_count", { l: `v${i % 5}`, [`n${i}`]: "x" }, [[1, 1]]),
    family: families[i % 2]!,
  }));
  const exemplars = new Map([[0, [{ labels: [{ name: "t", value: "new" }], value: 1, timestampMs: 1 }]]]);
  const one = fc.record({
    row: fc.oneof({ weight: 20, arbitrary: fc.constant("next" as const) }, fc.nat(7)),
    value: fc.constantFrom(0, 2.5, null),
    kind: fc.oneof(
      { weight: 30, arbitrary: fc.constant("plain" as const) },
      fc.constantFrom("exemplar", "histogram", "other family", "empty"),
    ),
    samples: fc.integer({ min: 1, max: 3 }),
  });
  const histogram = fc.sample(nativeHistogram, { numRuns: 1, seed: 1 })[0]!;
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 8 }), { maxLength: 6 }), (requests) => {
      const strings = createStringCache();
      for (const rows of requests) {
        const series = rows.map(({ row, value, kind, samples }, i) => {
          const known = all[row === "next" ? i : row]!;
          const values = new Array(samples).fill(kind === "histogram" ? histogram : value);
          const timestampsMs = kind === "empty" ? [] : values.map((_, at) => NOON + at);
          const family = kind === "other family" ? { ...known.family, help: "Other." } : known.family;
          return { ...known, family, values, timestampsMs, ...(kind === "exemplar" && { exemplars }) };
        });
        const bytesOrError = (cache?: ReturnType<typeof createStringCache>) => {
          try {
            return hex(encodeRequestV2(batchOf(...series), cache));
          } catch (error) {
            return String(error);
          }
        };
        expect(bytesOrError(strings)).toBe(bytesOrError());
      }
    }),
    { numRuns: 1000 },
  );
});

test("half a surrogate pair in a help text becomes the replacement character", () => {
  const { symbols } = referenceDecodeV2(encodeRequestV2(batchOf(ofFamily({ help: "x\ud83d y 🛳️" }))));
  expect(symbols).toContain("x\ufffd y 🛳️");
});

for (const { name, series, message } of [
  {
    name: "a label set that the protocol forbids",
    series: entry("m", { "": "x" }, [[1, 1]]),
    message: 'a label name is empty: "m"',
  },
  { name: "a series without a sample", series: entry("m", {}, []), message: 'series "m" has no sample' },
]) {
  test(`${name} is not encoded`, () => {
    expect(() => encodeRequestV2(batchOf(series))).toThrow(new RangeError(message));
  });
}

test("a table of more than 2^14 strings is referred to rightly, by a cache that knows shorter and longer ones too", () => {
  const strings = createStringCache();
  const make = (count: number) =>
    batchOf(
      ...Array.from({ length: count }, (_, i) => entry("m", { l: `v${i}`, [`n${i % 300}`]: "x" }, [[1, 1]])),
    );
  for (const count of [3, 20_000, 100]) {
    const { symbols, timeseries } = referenceDecodeV2(encodeRequestV2(make(count), strings));
    expect(symbols.length).toBe(5 + count + Math.min(count, 300));
    for (const [i, { labels_refs: refs }] of timeseries.entries()) {
      expect(refs.map((ref) => symbols[ref])).toEqual(["__name__", "m", "l", `v${i}`, `n${i % 300}`, "x"]);
    }
  }
});

test("strings that no request needs any more are let go, and come back when they are needed", () => {
  const strings = createStringCache(100);
  const make = (round: number) =>
    batchOf(...Array.from({ length: 30 }, (_, i) => entry("m", { l: `${round}-${i}` }, [[1, 1]])));
  const first = make(0);
  const bytes = hex(encodeRequestV2(first));
  encodeRequestV2(first, strings);
  const [once, always] = [strings.symbol("0-0"), strings.symbol("m")];
  for (let round = 1; round < 20; round++) {
    const batch = make(round);
    expect(hex(encodeRequestV2(batch, strings))).toBe(hex(encodeRequestV2(batch)));
  }
  expect(strings.symbol("0-0")).not.toBe(once);
  expect(strings.symbol("m")).toBe(always);
  expect(hex(encodeRequestV2(first, strings))).toBe(bytes);
});
