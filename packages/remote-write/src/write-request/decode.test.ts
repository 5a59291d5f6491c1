import { compareCodePoints } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, validBatch } from "../../test/batches.ts";
import { referenceEncode } from "../../test/reference-codec.ts";
import { DecodeError } from "../decode-error.ts";
import { decodeWriteRequest } from "./decode.ts";
import { encodeWriteRequest } from "./encode.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

test("decoding what was encoded gives labels, times and values back, stale markers and -0 included", () => {
  fc.assert(
    fc.property(validBatch, (batch) => {
      const decoded = decodeWriteRequest(encodeWriteRequest(batch));
      expect(decoded).toEqual({
        series: batch.series.map(({ series, family, timestampsMs, values }) => ({
          labels: [...series.labels, { name: "__name__", value: series.name }].sort((a, b) =>
            compareCodePoints(a.name, b.name),
          ),
          timestampsMs,
          values,
          // A family's own name in a histogram is that of native ones, which end by a marker of their kind.
          histogramCount:
            family.type.endsWith("histogram") && series.name === family.name
              ? values.filter((value) => value === null).length
              : 0,
          exemplars: [],
        })),
        metadata: [],
        sampleCount: batch.sampleCount,
      });
    }),
    { numRuns: 200 },
  );
});

test("metadata, exemplars and native histograms are read", () => {
  const message = referenceEncode({
    timeseries: [
      {
        labels: [{ name: "__name__", value: "m" }],
        samples: [{ value: 1, timestamp: 2 }],
        exemplars: [{ labels: [{ name: "trace", value: "x" }], value: 1, timestamp: 2 }],
        histograms: [
          { sum: 1, timestamp: 3 },
          { sum: 2, timestamp: 4 },
        ],
      },
    ],
    metadata: [{ type: "GAUGEHISTOGRAM", metric_family_name: "m", help: "größe\n", unit: "seconds" }],
  });
  expect(decodeWriteRequest(message)).toEqual({
    series: [
      {
        labels: [{ name: "__name__", value: "m" }],
        timestampsMs: [2, 3, 4],
        values: [1, expect.objectContaining({ sum: 1, integer: true }), expect.objectContaining({ sum: 2 })],
        histogramCount: 2,
        exemplars: [{ labels: [{ name: "trace", value: "x" }], value: 1, timestampMs: 2 }],
      },
    ],
    metadata: [{ type: "gaugehistogram", name: "m", help: "größe\n", unit: "seconds" }],
    sampleCount: 3,
  });
});

for (const { name, message, value } of [
  { name: "the stale marker", message: "0a0d 120b 09020000000000f07f 1001", value: null },
  { name: "a NaN with another payload", message: "0a0d 120b 09030000000000f07f 1001", value: Number.NaN },
  { name: "a negative NaN", message: "0a0d 120b 09000000000000f8ff 1001", value: Number.NaN },
  {
    name: "the last of two values",
    message: "0a16 1214 09000000000000f03f 090000000000000040 1001",
    value: 2,
  },
  {
    name: "what stands beside unknown fields",
    message: "7803 0a10 120e 09000000000000f03f 1a0141 1001",
    value: 1,
  },
  {
    name: "what stands beside an unknown group",
    message: "0a11 120f 09000000000000f03f 7b0801 7c 1001",
    value: 1,
  },
]) {
  test(`the decoder reads ${name}`, () => {
    expect(decodeWriteRequest(bytes(message)).series[0]).toMatchObject({
      values: [value],
      timestampsMs: [1],
    });
  });
}

for (const { name, message } of [
  { name: "a length beyond the end", message: "0a05 0a01" },
  { name: "a length of 4 GiB", message: "0affffffff0f" },
  { name: "a length that is no varint of 32 bits", message: "0affffffffffff01" },
  { name: "a label that reaches beyond its series", message: "0a03 0a05 0a0161 1200" },
  { name: "a string that reaches beyond its label", message: "0a04 0a02 0a05 6162636465" },
  { name: "a value that reaches beyond its sample", message: "0a06 1204 09000000 000000f03f" },
  { name: "a varint that reaches beyond its sample", message: "0a04 1202 1080 01" },
  { name: "a varint without end", message: "0a0e 120c 10ffffffffffffffffffffff" },
  { name: "a tag that is cut off", message: "8a" },
  { name: "field number zero", message: "00" },
  { name: "a wire type that does not exist", message: "0f" },
  { name: "an end of group without a start", message: "7c" },
  { name: "a group without end", message: "7b 0801" },
  { name: "a thousand groups in each other", message: "7b".repeat(1000) },
  { name: "a label value that is not UTF-8", message: "0a08 0a06 0a0161 1201ff" },
  { name: "half a surrogate pair in UTF-8's clothes", message: "0a0a 0a08 0a0161 1203eda080" },
  { name: "a timestamp beyond 2^53", message: "0a0c 120a 10ffffffffffffffff7f" },
]) {
  test(`the decoder refuses ${name}`, () => {
    const act = (): unknown => decodeWriteRequest(bytes(message));
    expect(act).toThrow(DecodeError);
    expect(act).toThrow(expect.objectContaining({ code: "ERR_DECODE_PROTOBUF" }));
  });
}

for (const { name, limits, message } of [
  { name: "bytes", limits: { maxBytes: 10 }, message: "more than 10 bytes" },
  { name: "series", limits: { maxSeries: 1 }, message: "more than 1 series" },
  { name: "samples", limits: { maxSamples: 2 }, message: "more than 2 samples" },
  { name: "labels", limits: { maxLabels: 3 }, message: "more than 3 labels" },
]) {
  test(`the decoder refuses more ${name} than the limit`, () => {
    const row = entry("m", { a: "1" }, [
      [1, 1],
      [2, 2],
    ]);
    const message_ = encodeWriteRequest(batchOf(row, row));
    const act = (): unknown => decodeWriteRequest(message_, limits);
    expect(act).toThrow(expect.objectContaining({ code: "ERR_DECODE_TOO_LARGE" }));
    expect(act).toThrow(message);
  });
}

test("any bytes decode or throw a DecodeError", () => {
  const mutated = fc
    .tuple(validBatch, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat())
    .map(([batch, flips, cut]) => {
      const message = Uint8Array.from(encodeWriteRequest(batch));
      for (const [at, byte] of flips) if (message.length > 0) message[at % message.length] = byte;
      return cut % 3 === 0 ? message.subarray(0, cut % (message.length + 1)) : message;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (message) => {
      try {
        const { series, sampleCount } = decodeWriteRequest(message);
        expect(series.reduce((sum, { values }) => sum + values.length, 0)).toBe(sampleCount);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 1500 },
  );
});
