/// <reference path="./snappyjs.d.ts" />
import { compress, uncompress } from "snappyjs";
import { DecodeError } from "../decode-error.ts";
import { checkSnappyBlock } from "./check-block.ts";
import { createCompressor } from "./compress.ts";

/** The block format of snappy. The framed format is another one and never used here. */
export interface SnappyCodec {
  /** The same bytes always make the same block, which holds on when `bytes` are overwritten. */
  compress(bytes: Uint8Array): Uint8Array;
  /**
   * @param maxBytes Longest result; a block that declares more is refused before memory is taken.
   * @throws {DecodeError} `ERR_DECODE_SNAPPY` or `ERR_DECODE_TOO_LARGE`.
   */
  uncompress(block: Uint8Array, maxBytes: number): Uint8Array;
}

/** snappyjs, behind a check that it lacks itself. */
export const snappyjsCodec: SnappyCodec = {
  compress,
  uncompress(block, maxBytes) {
    checkSnappyBlock(block, maxBytes);
    try {
      return uncompress(block, maxBytes);
    } catch (cause) {
      throw new DecodeError("ERR_DECODE_SNAPPY", "the snappy block is corrupt", { cause });
    }
  },
};

/** The default codec: it compresses by itself and uncompresses with snappyjs. Runs everywhere. */
export function createSnappyCodec(): SnappyCodec {
  return { ...snappyjsCodec, compress: createCompressor() };
}
