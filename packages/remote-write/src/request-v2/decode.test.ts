import { compareCodePoints } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, validBatchV2 } from "../../test/batches.ts";
import { referenceEncode, referenceEncodeV2 } from "../../test/reference-codec.ts";
import { DecodeError } from "../decode-error.ts";
import { decodeWriteRequest } from "../write-request/decode.ts";
import { decodeRequestV2 } from "./decode.ts";
import { encodeRequestV2 } from "./encode.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

test("decoding what was encoded gives labels, times, values and metadata back, stale markers and -0 included", () => {
  fc.assert(
    fc.property(validBatchV2, (batch) => {
      expect(decodeRequestV2(encodeRequestV2(batch))).toEqual({
        series: batch.series.map(({ series, family, timestampsMs, values }) => ({
          labels: [...series.labels, { name: "__name__", value: series.name }].sort((a, b) =>
            compareCodePoints(a.name, b.name),
          ),
          timestampsMs,
          values,
          histogramCount: 0,
          exemplars: [],
          metadata: { type: family.type, help: family.help, unit: family.unit },
        })),
        sampleCount: batch.sampleCount,
      });
    }),
    { numRuns: 200 },
  );
});

test("exemplars, native histograms and start times of both kinds are read", () => {
  const message = referenceEncodeV2({
    symbols: ["", "__name__", "m", "trace_id", "x"],
    timeseries: [
      {
        labels_refs: [1, 2],
        samples: [{ value: 1, timestamp: 2, start_timestamp: 1 }],
        exemplars: [{ labels_refs: [3, 4], value: 1, timestamp: 2 }],
        histograms: [
          { sum: 1, timestamp: 3, start_timestamp: 2 },
          { sum: 2, timestamp: 4 },
        ],
        created_timestamp: 5,
      },
    ],
  });
  expect(decodeRequestV2(message)).toEqual({
    series: [
      {
        labels: [{ name: "__name__", value: "m" }],
        timestampsMs: [2, 3, 4],
        values: [1, expect.objectContaining({ sum: 1, integer: true }), expect.objectContaining({ sum: 2 })],
        histogramCount: 2,
        exemplars: [{ labels: [{ name: "trace_id", value: "x" }], value: 1, timestampMs: 2 }],
        startsMs: new Map([
          [0, 1],
          [1, 2],
          [2, 5],
        ]),
        metadata: { type: "unknown", help: "", unit: "" },
      },
    ],
    sampleCount: 3,
  });
});

// "", "a" as symbols are 2200 220161; a series with a="a" is 2a04 0a020101.
for (const { name, message, labels = [{ name: "a", value: "a" }] } of [
  { name: "symbols behind the series", message: "2a04 0a020101 2200 220161" },
  { name: "references that are not packed", message: "2200 220161 2a04 0801 0801" },
  { name: "references in two packs", message: "2200 220161 2a06 0a0101 0a0101" },
  { name: "unknown fields", message: "7803 2200 220161 2a07 3a0101 0a020101 7a00" },
  { name: "a series without labels", message: "2200 220161 2a00", labels: [] },
  { name: "a series without a table", message: "2a04 0a020000", labels: [{ name: "", value: "" }] },
  { name: "a string that stands twice in the table", message: "2200 220161 220161 2a04 0a020102" },
]) {
  test(`the decoder of 2.0 reads ${name}`, () => {
    expect(decodeRequestV2(bytes(message)).series).toMatchObject([{ labels }]);
  });
}

test("a type of the future is unknown", () => {
  const { series } = decodeRequestV2(bytes("2200 2a04 2a020863"));
  expect(series[0]?.metadata).toEqual({ type: "unknown", help: "", unit: "" });
});

for (const { name, message, text } of [
  {
    name: "a first symbol that is not empty",
    message: "220161",
    text: "the first symbol is not the empty string",
  },
  {
    name: "a reference behind the table",
    message: "2200 220161 2a04 0a020102",
    text: "labels_refs refers to symbol 2 of 2",
  },
  {
    name: "a reference of 32 bits",
    message: "2200 2a08 0a06 00ffffffff0f",
    text: "labels_refs refers to symbol 4294967295 of 1",
  },
  {
    name: "a reference without a table",
    message: "2a04 0a020001",
    text: "labels_refs refers to symbol 1 of 0",
  },
  {
    name: "half a pair of references",
    message: "2200 2a03 0a0100",
    text: "labels_refs holds 1 references, not pairs",
  },
  {
    name: "a help text behind the table",
    message: "2200 2a04 2a021809",
    text: "help_ref refers to symbol 9 of 1",
  },
  {
    name: "a unit behind the table",
    message: "2200 2a04 2a022009",
    text: "unit_ref refers to symbol 9 of 1",
  },
  {
    name: "a reference that reaches beyond its pack",
    message: "2200 2a05 0a0180 0801",
    text: "near byte 7",
  },
  {
    name: "a pack that reaches beyond its series",
    message: "2200 2a03 0a0500 00000000",
    text: "a message reaches beyond the one around it",
  },
  { name: "a length of 4 GiB", message: "22ffffffff0f", text: "near byte" },
  { name: "a symbol that is not UTF-8", message: "2200 2201ff", text: "near byte" },
  { name: "a timestamp beyond 2^53", message: "2a0c 120a 10ffffffffffffffff7f", text: "beyond 2^53" },
  { name: "a group without end", message: "7b 0801", text: "near byte" },
]) {
  test(`the decoder of 2.0 refuses ${name}`, () => {
    const act = (): unknown => decodeRequestV2(bytes(message));
    expect(act).toThrow(DecodeError);
    expect(act).toThrow(expect.objectContaining({ code: "ERR_DECODE_PROTOBUF" }));
    expect(act).toThrow(text);
    expect(act).toThrow("no io.prometheus.write.v2.Request");
  });
}

test("a message of the other version is refused, where it would look empty", () => {
  const labels = [{ name: "__name__", value: "m" }];
  const v1 = referenceEncode({ timeseries: [{ labels, samples: [{ value: 1, timestamp: 1 }] }] });
  const metadata = referenceEncode({ metadata: [{ metric_family_name: "m" }] });
  const v2 = encodeRequestV2(batchOf(entry("m", {}, [[1, 1]])));
  expect(() => decodeRequestV2(v1)).toThrow("it is prometheus.WriteRequest of 1.0");
  expect(() => decodeRequestV2(metadata)).toThrow("it is prometheus.WriteRequest of 1.0");
  expect(() => decodeWriteRequest(v2)).toThrow("it is io.prometheus.write.v2.Request of 2.0");
  expect(decodeRequestV2(new Uint8Array(0))).toEqual({ series: [], sampleCount: 0 });
});

for (const { name, limits, message } of [
  { name: "bytes", limits: { maxBytes: 10 }, message: "more than 10 bytes" },
  { name: "series", limits: { maxSeries: 1 }, message: "more than 1 series" },
  { name: "samples", limits: { maxSamples: 3 }, message: "more than 3 samples" },
  { name: "labels", limits: { maxLabels: 3 }, message: "more than 3 labels" },
  { name: "symbols", limits: { maxSymbols: 4 }, message: "more than 4 symbols" },
  // Twice __name__, m, a and a value of a hundred.
  { name: "text", limits: { maxText: 219 }, message: "more than 219 characters of text" },
]) {
  test(`the decoder of 2.0 refuses more ${name} than the limit`, () => {
    const row = entry("m", { a: "x".repeat(100) }, [
      [1, 1],
      [2, 2],
    ]);
    const message_ = encodeRequestV2(batchOf(row, row));
    const act = (): unknown => decodeRequestV2(message_, limits);
    expect(act).toThrow(expect.objectContaining({ code: "ERR_DECODE_TOO_LARGE" }));
    expect(act).toThrow(message);
    expect(decodeRequestV2(message_, { maxText: 220 }).sampleCount).toBe(4);
  });
}

test("any bytes decode as 2.0 or throw a DecodeError", () => {
  const mutated = fc
    .tuple(validBatchV2, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([batch, flips, cut]) => {
      const message = Uint8Array.from(encodeRequestV2(batch));
      for (const [at, byte] of flips) if (message.length > 0) message[at % message.length] = byte;
      return cut % 3 === 0 ? message.subarray(0, cut % (message.length + 1)) : message;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (message) => {
      try {
        const { series, sampleCount } = decodeRequestV2(message);
        expect(series.reduce((sum, { values }) => sum + values.length, 0)).toBe(sampleCount);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 1500 },
  );
});
