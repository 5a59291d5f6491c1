import fc from "fast-check";
import { expect, test } from "vitest";
import { DecodeError } from "../decode-error.ts";
import { snappyjsCodec } from "./codec.ts";

const { compress, uncompress } = snappyjsCodec;
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

test("what was compressed comes back, across the 64 KiB fragments of the format", () => {
  const text = fc
    .tuple(fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 5 }), fc.nat(4000))
    .map(([words, repeats]) =>
      Buffer.concat(Array.from({ length: repeats }, (_, i) => words[i % words.length]!)),
    );
  fc.assert(
    fc.property(text, (bytes) => {
      expect(Buffer.compare(uncompress(compress(bytes), bytes.length), bytes)).toBe(0);
    }),
    { numRuns: 40 },
  );
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
