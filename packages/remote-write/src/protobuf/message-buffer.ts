import { Buffer } from "node:buffer";

/**
 * A protobuf message while it is written, front to back into one growing array that serves for the
 * next message again: taking fresh memory costs as much as filling it (measured, as all of this, in
 * `bench/` against protobufjs' Writer). Tags are below 128, numbers below 2^32.
 */
export class MessageBuffer {
  /** Written up to `pos`; {@link reserve} may put another array in its place. */
  bytes: Buffer;
  /** Of `bytes`. */
  view: DataView;
  /** Where the next byte goes. Who writes into `bytes` moves it on. */
  pos = 0;

  constructor() {
    this.bytes = Buffer.alloc(1024);
    this.view = viewOf(this.bytes);
  }

  /** Begins another message, behind `headroom` bytes that are filled in at the end. */
  clear(headroom = 0): void {
    this.pos = 0;
    this.reserve(headroom);
    this.pos = headroom;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.pos + count;
    if (needed > this.bytes.length) this.#grow(needed);
  }

  putUint32(value: number): void {
    this.reserve(5);
    this.pos = writeVarint(this.bytes, this.pos, value);
  }

  putBytes(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /** A string as a field; an empty one too. */
  putText(tag: number, text: string): void {
    if (text.length <= SHORT_TEXT && this.#putAscii(tag, text)) return;
    const length = Buffer.byteLength(text);
    const content = this.beginField(tag, length);
    this.reserve(length);
    this.pos += this.bytes.write(text, content);
    this.endField(content, length);
  }

  /** Most texts are short and ASCII: a loop takes less time than two calls (measured). False where this one is not. */
  #putAscii(tag: number, text: string): boolean {
    const { length } = text;
    this.reserve(length + 2);
    const { bytes, pos } = this;
    const content = pos + 2;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return false;
      bytes[content + i] = unit;
    }
    bytes[pos] = tag;
    bytes[pos + 1] = length;
    this.pos = content + length;
    return true;
  }

  /**
   * Begins a field whose length is told by {@link endField}.
   *
   * @param guess At that length: where it takes as many bytes to tell, nothing has to be moved.
   * @returns Where the field's content begins.
   */
  beginField(tag: number, guess: number): number {
    this.reserve(6);
    this.bytes[this.pos] = tag;
    this.pos += 1 + varintLength(guess);
    return this.pos;
  }

  /** @param content As {@link beginField} gave it, for the same guess. */
  endField(content: number, guess: number): void {
    const length = this.pos - content;
    const reserved = varintLength(guess);
    const needed = varintLength(length);
    if (needed !== reserved) this.shift(content, needed - reserved);
    writeVarint(this.bytes, content - reserved, length);
  }

  /** Moves what was written from `from` on, to the back or, where `by` is negative, to the front. */
  shift(from: number, by: number): void {
    this.reserve(by);
    this.bytes.copyWithin(from + by, from, this.pos);
    this.pos += by;
  }

  /** What was written, from `from` on: a view that holds until the next change. */
  written(from = 0): Uint8Array {
    return this.bytes.subarray(from, this.pos);
  }

  #grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.written());
    this.bytes = larger;
    this.view = viewOf(larger);
  }
}

/** Its length is told in one byte. */
const SHORT_TEXT = 127;

/** @returns The position behind the number. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let pos = at;
  let rest = value;
  while (rest > 127) {
    bytes[pos++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[pos++] = rest;
  return pos;
}

/** @returns The position behind the number, a safe integer; a negative one takes ten bytes. */
export function writeInt64(bytes: Uint8Array, at: number, value: number): number {
  return writeHalves(bytes, at, value >>> 0, Math.floor(value / 2 ** 32) >>> 0);
}

/** The same of a `sint64`, which is short for small negative numbers, too. */
export function writeSint64(bytes: Uint8Array, at: number, value: number): number {
  // Twice the number, less one where it is negative; in halves, since that may be beyond 2^53.
  const twice = 2 * Math.abs(value);
  let low = twice >>> 0;
  let high = Math.floor(twice / 2 ** 32) >>> 0;
  if (value < 0) {
    if (low === 0) high--;
    low = (low - 1) >>> 0;
  }
  return writeHalves(bytes, at, low, high);
}

function writeHalves(bytes: Uint8Array, at: number, lowHalf: number, highHalf: number): number {
  let pos = at;
  let low = lowHalf;
  let high = highHalf;
  while (high > 0 || low > 127) {
    bytes[pos++] = (low & 127) | 128;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  bytes[pos++] = low;
  return pos;
}

function varintLength(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  if (value < 1 << 21) return 3;
  return value < 1 << 28 ? 4 : 5;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
