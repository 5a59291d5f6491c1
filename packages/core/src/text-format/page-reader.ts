import { Buffer, isUtf8 } from "node:buffer";
import { ExpositionError, type ExpositionErrorCode } from "./exposition-error.ts";
import type { ParseLimits } from "./parse-limits.ts";
import { showUnseen } from "./show-unseen.ts";

/** Bytes that the grammars name. */
export const byte = {
  tab: 0x09,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  space: 0x20,
  quote: 0x22,
  hash: 0x23,
  comma: 0x2c,
  equals: 0x3d,
  backslash: 0x5c,
  braceOpen: 0x7b,
  braceClose: 0x7d,
} as const;

/** What {@link PageReader.peek} gives behind the last byte. */
export const endOfPage = -1;

const letterN = 0x6e;
const excerptLength = 40;

/**
 * A place in a page of bytes, and the tokens that the three grammars share. Every refusal goes
 * through {@link fail}, which finds line and column again only then.
 */
export class PageReader {
  readonly bytes: Buffer;
  readonly limits: ParseLimits;
  /** Offset of the next byte. */
  at = 0;
  /** Of the line in which {@link startLine} was last called. */
  lineStart = 0;
  #isUtf8: boolean | undefined;

  constructor(bytes: Uint8Array, limits: ParseLimits) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limits = limits;
  }

  /** Whether all of the page is UTF-8, so that no token needs a look of its own. */
  get isUtf8(): boolean {
    this.#isUtf8 ??= isUtf8(this.bytes);
    return this.#isUtf8;
  }

  peek(): number {
    return this.bytes[this.at] ?? endOfPage;
  }

  /** Whether a line begins here. */
  startLine(): boolean {
    this.lineStart = this.at;
    return this.at < this.bytes.length;
  }

  /**
   * Ends the line that {@link startLine} started, whose only line feed stands before the offset `end`.
   * False, and nothing done, where it is longer than `maxLineBytes`.
   */
  endPlainLine(end: number): boolean {
    if (end - 1 - this.at > this.limits.maxLineBytes) return false;
    this.at = end;
    return true;
  }

  /**
   * @param end Up to where the line goes. Default: the next line feed; a value in quotes may hold others.
   * @throws {ExpositionError} The line that {@link startLine} started is longer than `maxLineBytes`.
   */
  checkLineLength(end: number = this.lineEnd()): void {
    const { lineStart } = this;
    if (end - lineStart > this.limits.maxLineBytes) {
      this.fail(
        "ERR_EXPOSITION_LIMIT",
        `expected a line of at most ${this.limits.maxLineBytes} bytes, got ${end - lineStart}`,
        lineStart,
        false,
      );
    }
  }

  /** Offset of the next line feed, or of the page's end. */
  lineEnd(): number {
    const end = this.bytes.indexOf(byte.lineFeed, this.at);
    return end < 0 ? this.bytes.length : end;
  }

  skipBlanks(): void {
    const { bytes } = this;
    let { at } = this;
    while (at < bytes.length && isBlank(bytes[at]!)) at++;
    this.at = at;
  }

  /** Everything up to the next blank, tab, line feed, the byte `stop`, or the page's end. */
  readToken(stop?: number): string {
    const { bytes, at: start } = this;
    let at = start;
    for (; at < bytes.length; at++) {
      const b = bytes[at]!;
      if (b === byte.lineFeed || b === stop || isBlank(b)) break;
    }
    this.at = at;
    return this.text(start, at);
  }

  /** `[a-zA-Z_][a-zA-Z0-9_]*`, with colons too where `colons` says so; empty where none begins here. */
  readPlainName(colons: boolean): string {
    const { bytes, at: start } = this;
    let at = start;
    while (at < bytes.length && isNameByte(bytes[at]!, colons, at > start)) at++;
    this.at = at;
    this.checkNameLength(start);
    return this.text(start, at);
  }

  /**
   * The text between the quote here and the next one, unescaped; stands behind that one afterwards.
   *
   * @param escapes `strict`: only `\\`, `\"` and `\n`. `lenient`: any other backslash stays as it is.
   * @param lineFeeds Whether a bare line feed may be part of the text.
   */
  readQuoted(what: string, escapes: "strict" | "lenient", lineFeeds: boolean): string {
    const { bytes, at: open } = this;
    const start = open + 1;
    let from = start;
    let at = start;
    for (; ; at++) {
      if (at >= bytes.length) {
        this.fail(
          "ERR_EXPOSITION_TRUNCATED",
          `expected '"' at the end of the ${what} that begins here`,
          open,
        );
      }
      const b = bytes[at]!;
      if (b === byte.quote) break;
      if (b === byte.lineFeed && !lineFeeds) {
        this.fail("ERR_EXPOSITION_SYNTAX", `expected '"' before the end of the line in the ${what}`, open);
      }
      if (b !== byte.backslash) continue;
      this.checkUtf8(from, at, what);
      this.at = at;
      this.skipEscape(escapes);
      from = this.at;
      at = from - 1;
    }
    if (lineFeeds) this.checkLineLength(at);
    this.checkUtf8(from, at, what);
    this.at = at + 1;
    return from === start ? this.text(start, at) : this.unescaped(start, at);
  }

  /** Goes behind the escape that the backslash here begins, or behind the backslash alone. */
  skipEscape(escapes: "strict" | "lenient"): void {
    const escaped = this.bytes[this.at + 1] ?? endOfPage;
    if (escaped === endOfPage) {
      this.fail("ERR_EXPOSITION_TRUNCATED", "expected a character after the backslash", this.at + 1);
    }
    const known = escaped === byte.backslash || escaped === byte.quote || escaped === letterN;
    if (!known && (escapes === "strict" || escaped === byte.lineFeed)) {
      this.fail("ERR_EXPOSITION_VALUE", String.raw`expected the escape \\, \" or \n`);
    }
    this.at += known ? 2 : 1;
  }

  /**
   * As {@link text}, with the characters that the escapes stand for. Unknown escapes stay as they are.
   *
   * @param quotes Whether `\"` is an escape. Default true.
   */
  unescaped(start: number, end: number, quotes = true): string {
    const { bytes } = this;
    const out = Buffer.allocUnsafe(end - start);
    let length = 0;
    for (let i = start; i < end; i++) {
      let b = bytes[i]!;
      if (b === byte.backslash) {
        const escaped = bytes[i + 1];
        if (escaped === byte.backslash || (escaped === byte.quote && quotes)) b = escaped;
        else if (escaped === letterN) b = byte.lineFeed;
        if (b !== byte.backslash || escaped === byte.backslash) i++;
      }
      out[length++] = b;
    }
    return out.toString("utf8", 0, length);
  }

  /** Bytes that are not UTF-8 become U+FFFD. */
  text(start: number, end: number): string {
    return this.bytes.toString("utf8", start, end);
  }

  /** Refuses a name that is longer than `maxNameBytes`. */
  checkNameLength(start: number): void {
    if (this.at - start > this.limits.maxNameBytes) {
      this.fail(
        "ERR_EXPOSITION_LIMIT",
        `expected a name of at most ${this.limits.maxNameBytes} bytes`,
        start,
      );
    }
  }

  /** Refuses bytes in `[start, end)` that are not UTF-8. */
  checkUtf8(start: number, end: number, what: string): void {
    if (this.isUtf8 || isUtf8(this.bytes.subarray(start, end))) return;
    this.failAtInvalidUtf8(what, start, end);
  }

  /** Refuses the first byte in `[start, end)` that is no part of a character. */
  failAtInvalidUtf8(what: string, start: number, end: number): never {
    const raw = this.bytes.subarray(start, end);
    const repaired = Buffer.from(raw.toString("utf8"), "utf8");
    let i = 0;
    while (raw[i] === repaired[i] && i < raw.length) i++;
    this.fail("ERR_EXPOSITION_ENCODING", `expected UTF-8 in the ${what}`, start + i);
  }

  /**
   * @param reason What was expected, where.
   * @param at Offset of what came instead. Default: here.
   * @param excerpt Whether the message ends with what came. Default true.
   */
  fail(code: ExpositionErrorCode, reason: string, at: number = this.at, excerpt = true): never {
    const lineStart = at === 0 ? 0 : this.bytes.lastIndexOf(byte.lineFeed, at - 1) + 1;
    const line = 1 + countLineFeeds(this.bytes, 0, lineStart);
    let column = 1;
    for (let i = lineStart; i < at; i++) if (((this.bytes[i] ?? 0) & 0xc0) !== 0x80) column++;
    throw new ExpositionError(code, line, column, excerpt ? `${reason}, got ${this.#excerpt(at)}` : reason);
  }

  #excerpt(at: number): string {
    if (at >= this.bytes.length) return "the end of the page";
    if (this.bytes[at] === byte.lineFeed) return "the end of the line";
    const end = this.bytes.indexOf(byte.lineFeed, at);
    const text = this.text(at, Math.min(end < 0 ? this.bytes.length : end, at + excerptLength * 4));
    const shown = Array.from(text).slice(0, excerptLength).join("");
    return shown === text ? quote(text) : `${quote(shown)}…`;
  }
}

function quote(text: string): string {
  return showUnseen(JSON.stringify(text));
}

/** Of the bytes `[start, end)`. */
export function countLineFeeds(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = bytes.indexOf(byte.lineFeed, start); i >= 0 && i < end; count++) {
    i = bytes.indexOf(byte.lineFeed, i + 1);
  }
  return count;
}

export function isBlank(b: number): boolean {
  return b === byte.space || b === byte.tab;
}

/** Whether `b` may stand in a plain name: `inside` it, or as its first byte. */
export function isNameByte(b: number, colons: boolean, inside: boolean): boolean {
  if ((b >= 0x61 && b <= 0x7a) || (b >= 0x41 && b <= 0x5a) || b === 0x5f) return true;
  return (inside && b >= 0x30 && b <= 0x39) || (colons && b === 0x3a);
}

/** Whether `name` needs no quotes in an exposition. */
export function isPlainName(name: string, colons: boolean): boolean {
  return colons ? /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) : /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}
