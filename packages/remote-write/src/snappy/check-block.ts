import { DecodeError } from "../decode-error.ts";

/**
 * Walks the elements of a snappy block without uncompressing it.
 *
 * snappyjs trusts the lengths in a block: a literal of 2^31 bytes or more sends it backwards for
 * ever, a block that ends early or late still passes. Nothing from outside reaches it unchecked.
 *
 * @returns The length of the uncompressed data.
 * @throws {DecodeError} `ERR_DECODE_TOO_LARGE` when that is more than `maxBytes`, `ERR_DECODE_SNAPPY`
 *   when the elements do not make exactly that length.
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function checkSnappyBlock(block: Uint8Array, maxBytes: number): number {
  const preamble = readLength(block);
  const declared = preamble.length;
  if (declared > maxBytes) {
    throw new DecodeError(
      "ERR_DECODE_TOO_LARGE",
      `the snappy block holds ${declared} bytes, at most ${maxBytes} are taken`,
    );
  }
  let pos = preamble.end;
  let produced = 0;
  while (pos < block.length) {
    const tag = block[pos++]!;
    const kind = tag & 3;
    let length = (tag >>> 2) + 1;
    if (kind === 0) {
      if (length > 60) {
        const width = length - 60;
        length = littleEndian(block, pos, width) + 1;
        pos += width;
      }
      if (length > block.length - pos) throw corrupt("a literal reaches beyond the end");
      pos += length;
    } else {
      const width = kind === 3 ? 4 : kind;
      let offset = littleEndian(block, pos, width);
      pos += width;
      if (kind === 1) {
        length = ((tag >>> 2) & 7) + 4;
        offset += (tag >>> 5) << 8;
      }
      if (offset === 0 || offset > produced) throw corrupt("a copy reaches before the start");
    }
    produced += length;
    if (produced > declared) throw corrupt(`more than the declared ${declared} bytes`);
  }
  if (produced < declared) throw corrupt(`${produced} instead of the declared ${declared} bytes`);
  return declared;
}

/** A varint of at most 32 bits. */
function readLength(block: Uint8Array): { length: number; end: number } {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) throw corrupt("no length");
    length += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) {
      if (length >= 2 ** 32) break;
      return { length, end: i + 1 };
    }
  }
  throw corrupt("the length is no varint of 32 bits");
}

function littleEndian(block: Uint8Array, pos: number, width: number): number {
  if (width > block.length - pos) throw corrupt("an element is cut off");
  let value = 0;
  for (let i = width - 1; i >= 0; i--) value = value * 256 + block[pos + i]!;
  return value;
}

function corrupt(what: string): DecodeError {
  return new DecodeError("ERR_DECODE_SNAPPY", `the snappy block is corrupt: ${what}`);
}
