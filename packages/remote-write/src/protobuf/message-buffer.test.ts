import fc from "fast-check";
import protobuf from "protobufjs/minimal.js";
import { expect, test } from "vitest";
import { MessageBuffer } from "./message-buffer.ts";

/** A string, or fields inside a field whose length was guessed. */
type Field = string | { readonly guess: number; readonly fields: readonly Field[] };

const { field } = fc.letrec<{ field: Field }>((tie) => ({
  field: fc.oneof(
    { depthSize: "small" },
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.nat(40_000).map((length) => "x".repeat(length)),
    ),
    fc.record({
      guess: fc.oneof(
        fc.nat(300),
        fc.maxSafeInteger().map((n) => Math.abs(n) % 2 ** 32),
      ),
      fields: fc.array(tie("field"), { maxLength: 3 }),
    }),
  ),
}));

function put(out: MessageBuffer, each: Field): void {
  if (typeof each === "string") {
    out.putText(10, each);
    return;
  }
  const content = out.beginField(18, each.guess);
  for (const inner of each.fields) put(out, inner);
  out.endField(content, each.guess);
}

function write(writer: protobuf.Writer, each: Field): void {
  if (typeof each === "string") {
    writer.uint32(10).string(each);
    return;
  }
  writer.uint32(18).fork();
  for (const inner of each.fields) write(writer, inner);
  writer.ldelim();
}

test("whatever length was guessed and whatever stood in the buffer, the bytes are those of protobufjs", () => {
  const out = new MessageBuffer();
  fc.assert(
    fc.property(fc.array(field, { maxLength: 4 }), fc.nat(2000), (fields, headroom) => {
      out.clear(headroom);
      for (const each of fields) put(out, each);
      const writer = protobuf.Writer.create();
      for (const each of fields) write(writer, each);
      expect(Buffer.compare(out.written(headroom), writer.finish())).toBe(0);
    }),
    { numRuns: 300 },
  );
});

for (const value of [0, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32 - 1]) {
  test(`${value} is written as protobufjs writes it`, () => {
    const out = new MessageBuffer();
    out.putUint32(value);
    expect([...out.written()]).toEqual([...protobuf.Writer.create().uint32(value).finish()]);
  });
}
