import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, entry, NOON } from "../../test/batches.ts";
import { DecodeError } from "../decode-error.ts";
import { encodeRequestV2 } from "../request-v2/encode.ts";
import { encodeWriteRequest } from "../write-request/encode.ts";
import { createSnappyCodec, snappyjsCodec } from "./codec.ts";

const { compress, uncompress } = snappyjsCodec;
const ours = createSnappyCodec();
const MIB = 1024 * 1024;
const block = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

for (const { name, hex, text } of [
  { name: "an empty block", hex: "00", text: "" },
  { name: "a literal", hex: "03 08 616263", text: "abc" },
  { name: "a copy that overlaps itself", hex: "08 04 6162 09 02", text: "abababab" },
  { name: "a copy with a two-byte offset", hex: "06 08 616263 0a 0300", text: "abcabc" },
  { name: "a copy with a four-byte offset", hex: "06 08 616263 0b 03000000", text: "abcabc" },
]) {
  test(`${name} is uncompressed`, () => {
    expect(Buffer.from(uncompress(block(hex), 100)).toString()).toBe(text);
  });
}

for (const { name, hex } of [
  { name: "nothing", hex: "" },
  { name: "a length without end", hex: "ffffffffffff" },
  { name: "a length of 2^34", hex: "ffffffff7f" },
  { name: "a literal that goes backwards, a hang in snappyjs", hex: "05 fc faffffff 616263" },
  { name: "a literal beyond the end", hex: "05 10 6162" },
  { name: "a literal whose length is cut off", hex: "7f f4 01" },
  { name: "a copy before the start", hex: "08 04 6162 09 03" },
  { name: "a copy of offset zero", hex: "08 04 6162 09 00" },
  { name: "a copy without its offset", hex: "08 04 6162 09" },
  { name: "a copy with an offset below zero", hex: "08 04 6162 17 feffffff" },
  { name: "less than declared", hex: "04 08 616263" },
  { name: "more than declared", hex: "02 08 616263" },
  { name: "the framed format", hex: "ff060000734e61507059" },
  { name: "gzip", hex: "1f8b0800000000000003" },
]) {
  test(`${name} is refused as no snappy block`, () => {
    expect(() => uncompress(block(hex), 100 * MIB)).toThrow(
      expect.objectContaining({ name: "DecodeError", code: "ERR_DECODE_SNAPPY" }),
    );
  });
}

test("a block that declares more than the limit is refused before memory is taken", () => {
  expect(() => uncompress(block("ffffffff0f"), 32 * MIB)).toThrow(
    expect.objectContaining({
      code: "ERR_DECODE_TOO_LARGE",
      message: "the snappy block holds 4294967295 bytes, at most 33554432 are taken",
    }),
  );
});

/** Words that come again near and far, so that every kind of element is made; and noise between them. */
const text: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(), { maxLength: 2000 }),
    fc.nat(40),
  )
  .map(([words, picks, noise]) =>
    Buffer.concat(
      picks.flatMap((pick, i) => [
        words[pick % words.length]!,
        Uint8Array.from(
          { length: (pick + i) % (noise + 1) },
          (_, at) => Math.imul(pick + at, 0x9e3779b1) >>> 24,
        ),
      ]),
    ),
  );

for (const [name, codec] of Object.entries({ snappyjs: snappyjsCodec, ours })) {
  test(`what ${name} compressed comes back, across the 64 KiB fragments of the format`, () => {
    fc.assert(
      fc.property(text, (bytes) => {
        expect(Buffer.compare(uncompress(codec.compress(bytes), bytes.length), bytes)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
}

test("every length comes back, of one letter, of zeros and of noise, and a part of a larger array", () => {
  const noise = Uint8Array.from({ length: 700 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 23);
  for (const source of [noise, new Uint8Array(700), Buffer.alloc(700, "a")]) {
    for (let length = 0; length <= 300; length++) {
      const bytes = source.subarray(length, 2 * length);
      expect(Buffer.compare(uncompress(ours.compress(bytes), length), bytes), `${length} bytes`).toBe(0);
    }
  }
});

test("a match is found up to 65,535 bytes back and no further", () => {
  const word = Buffer.from("a word of thirty-two characters.");
  const lengthAt = (distance: number): number => {
    const bytes = Buffer.concat([word, Buffer.alloc(distance - word.length), word, Buffer.alloc(32)]);
    const block = ours.compress(bytes);
    expect(Buffer.compare(uncompress(block, bytes.length), bytes)).toBe(0);
    return block.length;
  };
  const found = lengthAt(65_535);
  expect(Math.abs(lengthAt(65_534) - found)).toBeLessThan(8);
  expect(lengthAt(65_536) - found).toBeGreaterThan(24);
});

test("the same bytes make the same block, whatever was compressed before and happens to them after", () => {
  fc.assert(
    fc.property(text, text, (before, bytes) => {
      const fresh = createSnappyCodec().compress(bytes);
      ours.compress(before);
      const block = ours.compress(bytes);
      bytes.fill(0);
      ours.compress(before);
      expect(Buffer.compare(block, fresh)).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test("bytes that can't be compressed grow by no more than the format's own bound", () => {
  const noise = Uint8Array.from({ length: 200_000 }, (_, i) => Math.imul(i ^ (i >> 5), 0x85ebca6b) >>> 24);
  for (const length of [1, 59, 60, 61, 255, 256, 257, 65_535, 65_536, 65_537, 200_000]) {
    const block = ours.compress(noise.subarray(0, length));
    expect(block.length).toBeLessThanOrEqual(32 + length + length / 6);
    expect(Buffer.compare(uncompress(block, length), noise.subarray(0, length))).toBe(0);
  }
});

test("a request of remote write takes no more bytes than snappyjs makes of it", () => {
  const rows = Array.from({ length: 2000 }, (_, i) => {
    const labels = {
      instance: `10.0.${i % 251}.7:9090`,
      path: `/v1/items/${i}`,
      code: String(200 + (i % 5)),
    };
    return entry(
      `http_requests_${i % 20}_total`,
      labels,
      Array.from({ length: 10 }, (_, at) => [NOON + at * 15_000, i * 977 + at * (i % 31)] as const),
    );
  });
  for (const count of [100, 1000, 2000]) {
    for (const message of [
      encodeWriteRequest(batchOf(...rows.slice(0, count))),
      encodeRequestV2(batchOf(...rows.slice(0, count))),
    ]) {
      expect(ours.compress(message).length).toBeLessThanOrEqual(1.01 * compress(message).length);
    }
  }
});

test("any bytes are uncompressed or refused, without a hang", () => {
  const mutated = fc.tuple(fc.string({ maxLength: 200 }), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const bytes = Uint8Array.from(compress(Buffer.from(text.repeat(4))));
    bytes[at % bytes.length] = byte;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        expect(uncompress(bytes, 1000).length).toBeLessThanOrEqual(1000);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 1500 },
  );
});
