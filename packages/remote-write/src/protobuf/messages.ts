import type protobuf from "protobufjs/minimal.js";

/**
 * Calls `read` with each tag up to `end`; a tag that it does not know, and returns false for, is
 * skipped.
 *
 * @throws {RangeError} The bytes are no message that ends there.
 */
export function readFields(reader: protobuf.Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.tag();
    if (!read(tag)) reader.skipType(tag & 7, undefined, tag >>> 3);
  }
  if (reader.pos !== end) throw new RangeError("a field reaches beyond its message");
}

/** A message inside another one: no read passes its end. */
export function readMessage(reader: protobuf.Reader, read: (tag: number) => boolean): void {
  readInside(reader, (end) => readFields(reader, end, read));
}

/** A repeated number in packed form; `read` is called for each. */
export function readPacked(reader: protobuf.Reader, read: () => void): void {
  readInside(reader, (end) => {
    while (reader.pos < end) read();
    if (reader.pos !== end) throw new RangeError("a number reaches beyond its field");
  });
}

function readInside(reader: protobuf.Reader, read: (end: number) => void): void {
  const length = reader.size();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError("a message reaches beyond the one around it");
  const outer = reader.len;
  reader.len = end;
  read(end);
  reader.len = outer;
}
