import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { byte } from "./page-reader.ts";

/** A place in the order of lines. */
interface Place<Line> {
  /** The known line that came next the last time. */
  next: Line | undefined;
}

/**
 * Bytes that stood at the beginning of a line; what they meant stands beside these fields. They are filled in when it is
 * remembered.
 */
export interface KnownLine<Line> extends Place<Line> {
  /** Where its bytes stand in the memory's buffer. */
  start: number;
  length: number;
}

const initialLength = 8 * 1024;
const nothing = Buffer.alloc(0);

/**
 * The lines that a parser has met, each once. Pages of one process hold the same lines in the same
 * order, so the next line is guessed from the order of the last page and confirmed by comparing bytes;
 * only where the guess is wrong is the line hashed and looked up.
 *
 * Remembered are sample lines up to their value, and HELP, TYPE and UNIT lines as a whole. Two lines of
 * one hash are not both remembered, so that no page makes a look-up long.
 */
export class KnownLines<Line extends KnownLine<Line>> {
  readonly #first: Place<Line> = { next: undefined };
  readonly #byHash = new Map<number, Line>();
  #bytes = new Uint8Array(initialLength);
  #view = new DataView(this.#bytes.buffer);
  #used = 0;
  #page: Buffer = nothing;
  #pageView: DataView = new DataView(nothing.buffer);
  /** Whether a byte of the page is NUL, where that was asked. */
  #hasZeros: boolean | undefined;
  #previous = this.#first;
  /** Of the last {@link find}: where, which line it found, and else the end and hash of the unknown one. */
  #at = -1;
  #found: Line | undefined;
  #end = -1;
  #hash = 0;

  /** Bytes of all lines. */
  get sizeBytes(): number {
    return this.#used;
  }

  beginPage(page: Buffer): void {
    this.#page = page;
    this.#pageView = new DataView(page.buffer, page.byteOffset, page.byteLength);
    this.#previous = this.#first;
    this.#hasZeros = undefined;
    this.#at = -1;
    if (this.#used === 0 && page.length > this.#bytes.length) this.#allocate(page.length);
  }

  /** Lets go of the page. */
  endPage(): void {
    this.#page = nothing;
    this.#pageView = new DataView(nothing.buffer);
    this.#previous = this.#first;
  }

  forgetAll(): void {
    this.#byHash.clear();
    this.#first.next = undefined;
    this.#previous = this.#first;
    this.#allocate(initialLength);
    this.#used = 0;
  }

  /** The known line that stands at the offset `at`, where a line of the page begins. */
  find(at: number): Line | undefined {
    this.#at = at;
    const guess = this.#previous.next;
    const found = guess !== undefined && this.#stands(guess, at) ? guess : this.#lookUp(at);
    this.#found = found;
    if (found !== undefined) this.#previous = found;
    return found;
  }

  /**
   * What the bytes `[start, end)` are from now on. Ignored unless {@link find} saw the same bytes there:
   * then they are not of the plain form that is remembered.
   */
  remember(start: number, end: number, line: Line): void {
    if (start !== this.#at) return;
    const found = this.#found;
    if (found !== undefined) {
      const { next, length } = found;
      if (end - start === length) Object.assign(found, line, { next, start: found.start, length });
      return;
    }
    if (end !== this.#end || this.#byHash.has(this.#hash)) return;
    const place = this.#append(start, end);
    if (place < 0) return;
    line.start = place;
    line.length = end - start;
    this.#byHash.set(this.#hash, line);
    this.#previous.next = line;
    this.#previous = line;
  }

  /** Where they stand now; -1 where they are not kept, since a byte is NUL. */
  #append(start: number, end: number): number {
    const offset = this.#used;
    const used = offset + end - start;
    if (used > this.#bytes.length) {
      const before = this.#bytes;
      this.#allocate(2 * used);
      this.#bytes.set(before);
    }
    this.#page.copy(this.#bytes, offset, start, end);
    this.#hasZeros ??= this.#page.includes(0);
    if (this.#hasZeros && this.#page.subarray(start, end).includes(0)) return -1;
    this.#used = used;
    return offset;
  }

  #allocate(length: number): void {
    this.#bytes = new Uint8Array(length);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * Eight bytes at a time, as doubles (measured: a third of the time of four as integers; eight as BigInt
   * are ten times slower on Node 20), four in one step. Equal doubles have equal bytes, as none of ours is zero. The last
   * eight overlap with those before.
   */
  #stands({ start, length }: Line, at: number): boolean {
    const page = this.#pageView;
    const own = this.#view;
    const last = length - 8;
    if (at + length > page.byteLength) return false;
    if (last < 0) {
      for (let i = 0; i < length; i++) if (own.getUint8(start + i) !== page.getUint8(at + i)) return false;
      return true;
    }
    let i = 0;
    for (; i < last - 24; i += 32) {
      if (
        own.getFloat64(start + i, true) !== page.getFloat64(at + i, true) ||
        own.getFloat64(start + i + 8, true) !== page.getFloat64(at + i + 8, true) ||
        own.getFloat64(start + i + 16, true) !== page.getFloat64(at + i + 16, true) ||
        own.getFloat64(start + i + 24, true) !== page.getFloat64(at + i + 24, true)
      )
        return false;
    }
    for (; i < last; i += 8) {
      if (own.getFloat64(start + i, true) !== page.getFloat64(at + i, true)) return false;
    }
    return own.getFloat64(start + last, true) === page.getFloat64(at + last, true);
  }

  #lookUp(at: number): Line | undefined {
    const end = rememberedEnd(this.#page, at);
    this.#end = end;
    if (end < 0) return undefined;
    // Signed: a number above 2^31 would be an object of its own.
    const hash = crc32(this.#page.subarray(at, end)) | 0;
    this.#hash = hash;
    const line = this.#byHash.get(hash);
    if (line?.length !== end - at || !this.#stands(line, at)) return undefined;
    this.#previous.next = line;
    return line;
  }
}

/**
 * Where the part of this line that may be remembered ends: behind the one blank before a sample's value,
 * behind the line feed of a metadata line. -1 for lines of any other form; where the line is of another
 * form and does not look like it, an offset at which its head does not end.
 */
function rememberedEnd(page: Buffer, at: number): number {
  const lineFeed = page.indexOf(byte.lineFeed, at);
  if (lineFeed < 0) return -1;
  if (page[at] === byte.hash) {
    const keyword = page[at + 2];
    // HELP, TYPE, UNIT; other comments differ from page to page.
    return keyword === 0x48 || keyword === 0x54 || keyword === 0x55 ? lineFeed + 1 : -1;
  }
  // From the end, over one number or two.
  const last = blankBefore(page, at, lineFeed);
  if (last <= at || page[last - 1] === byte.braceClose) return last <= at ? -1 : last + 1;
  const first = blankBefore(page, at, last);
  return first <= at ? last + 1 : first + 1;
}

/** Offset of the last space in `[start, end)`, or -1. */
function blankBefore(page: Buffer, start: number, end: number): number {
  let i = end - 1;
  while (i >= start && page[i] !== byte.space) i--;
  return i >= start ? i : -1;
}
