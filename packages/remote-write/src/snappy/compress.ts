/**
 * Compression into the block format of snappy, twice as fast as snappyjs and smaller on requests of remote write
 * (measured in `bench/`, as all that looks odd here).
 *
 * Matches have six bytes at least, where Google's compressor and snappyjs take four: between numbers that differ
 * the shorter ones cost more than they save. They are sought in the last 64 KiB wherever those begin, which the
 * format allows; the others start anew every 64 KiB.
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */

const HASH_BITS = 14;
const MIN_MATCH = 6;
/** A copy with a two-byte offset reaches so far back. */
const MAX_OFFSET = 65_535;
/** No match begins so near to the end, so that the search may read, and a short literal write, beyond its position. */
const END_MARGIN = 16;
/** After so many positions without a match the search takes every second one, after as many again every third … */
const SKIP_AFTER_LOG2 = 5;
/** Up to here a literal is copied by hand. */
const SHORT_LITERAL = 16;

/**
 * A function that compresses one block after the other. It keeps 64 KiB and as much as the longest block may take.
 *
 * @returns Bytes of their own; the same for the same input, whatever was compressed before.
 */
export function createCompressor(): (input: Uint8Array) => Uint8Array {
  /** By hash of six bytes: where they stood last. */
  const table = new Int32Array(1 << HASH_BITS);
  let output = new Uint8Array(0);
  return (input) => {
    const longest = longestBlock(input.length);
    if (output.length < longest) output = new Uint8Array(Math.max(longest, 2 * output.length));
    table.fill(0);
    return output.slice(0, writeBlock(input, output, table));
  };
}

/** Google's `MaxCompressedLength`. */
function longestBlock(length: number): number {
  return 32 + length + Math.floor(length / 6);
}

/** @returns The length of the block. */
function writeBlock(input: Uint8Array, output: Uint8Array, table: Int32Array): number {
  const { length } = input;
  const source = new DataView(input.buffer, input.byteOffset, length);
  const target = new DataView(output.buffer, output.byteOffset, output.length);
  const lastStart = length - END_MARGIN;
  let out = writeLength(output, length);
  /** Up to here the input is written. */
  let done = 0;
  let at = 1;
  let candidate = 0;

  search: while (at < lastStart) {
    let head = source.getInt32(at, true);
    let tail = source.getInt32(at + 2, true);
    for (let tries = 1 << SKIP_AFTER_LOG2; ; tries++) {
      const key = hash(head, tail);
      candidate = table[key]!;
      table[key] = at;
      if (
        head === source.getInt32(candidate, true) &&
        tail === source.getInt32(candidate + 2, true) &&
        at - candidate <= MAX_OFFSET
      ) {
        break;
      }
      at += tries >> SKIP_AFTER_LOG2;
      if (at >= lastStart) break search;
      head = source.getInt32(at, true);
      tail = source.getInt32(at + 2, true);
    }

    const literal = at - done;
    if (literal <= SHORT_LITERAL) {
      output[out] = (literal - 1) << 2;
      // All of it whatever the length: a branch that can't be foreseen costs more.
      target.setInt32(out + 1, source.getInt32(done, true), true);
      target.setInt32(out + 5, source.getInt32(done + 4, true), true);
      target.setInt32(out + 9, source.getInt32(done + 8, true), true);
      target.setInt32(out + 13, source.getInt32(done + 12, true), true);
      out += 1 + literal;
    } else out = writeLiteral(input, done, at, output, out);

    for (;;) {
      const offset = at - candidate;
      done = endOfMatch(source, length, candidate + MIN_MATCH, at + MIN_MATCH);
      out = writeCopy(output, out, offset, done - at);
      at = done;
      if (at >= lastStart) break search;
      head = source.getInt32(at, true);
      tail = source.getInt32(at + 2, true);
      const key = hash(head, tail);
      candidate = table[key]!;
      table[key] = at;
      if (
        head !== source.getInt32(candidate, true) ||
        tail !== source.getInt32(candidate + 2, true) ||
        at - candidate > MAX_OFFSET
      ) {
        break;
      }
    }
    at++;
  }
  return done < length ? writeLiteral(input, done, length, output, out) : out;
}

/** Of six bytes, given as the first four and the last four. */
function hash(head: number, tail: number): number {
  return (Math.imul(head, 0x1e35a7bd) + Math.imul(tail, 0x9e3779b1)) >>> (32 - HASH_BITS);
}

/** @returns Where the bytes from `at` on stop being those from `candidate` on, at most `length`. */
function endOfMatch(source: DataView, length: number, candidate: number, at: number): number {
  const distance = at - candidate;
  const lastFour = length - 4;
  let end = at;
  while (end <= lastFour - 4) {
    // Equal numbers have equal bytes, but for the two zeros; NaN equals nothing.
    const eight = source.getFloat64(end, true);
    if (eight !== source.getFloat64(end - distance, true) || eight === 0) break;
    end += 8;
  }
  while (end <= lastFour) {
    const difference = source.getInt32(end, true) ^ source.getInt32(end - distance, true);
    if (difference !== 0) return end + ((31 - Math.clz32(difference & -difference)) >> 3);
    end += 4;
  }
  while (end < length && source.getUint8(end) === source.getUint8(end - distance)) end++;
  return end;
}

function writeLength(output: Uint8Array, length: number): number {
  let out = 0;
  let rest = length;
  while (rest > 127) {
    output[out++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  output[out++] = rest;
  return out;
}

function writeLiteral(input: Uint8Array, from: number, to: number, output: Uint8Array, at: number): number {
  let out = at;
  const rest = to - from - 1;
  if (rest < 60) output[out++] = rest << 2;
  else {
    const width = rest < 1 << 8 ? 1 : rest < 1 << 16 ? 2 : rest < 1 << 24 ? 3 : 4;
    output[out++] = (59 + width) << 2;
    for (let i = 0; i < width; i++) output[out++] = rest >>> (8 * i);
  }
  output.set(input.subarray(from, to), out);
  return out + to - from;
}

/** Copies of at most 64 bytes each, and the last one of at least four. */
function writeCopy(output: Uint8Array, at: number, offset: number, length: number): number {
  let out = at;
  let rest = length;
  while (rest > 64) {
    const part = rest < 68 ? 60 : 64;
    out = writeTwoByteCopy(output, out, offset, part);
    rest -= part;
  }
  if (rest > 11 || offset > 2047) return writeTwoByteCopy(output, out, offset, rest);
  output[out] = 1 | ((rest - 4) << 2) | ((offset >> 8) << 5);
  output[out + 1] = offset;
  return out + 2;
}

function writeTwoByteCopy(output: Uint8Array, out: number, offset: number, length: number): number {
  output[out] = 2 | ((length - 1) << 2);
  output[out + 1] = offset;
  output[out + 2] = offset >> 8;
  return out + 3;
}
