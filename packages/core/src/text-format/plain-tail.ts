import type { Buffer } from "node:buffer";
import { parseNumber } from "./number.ts";
import { byte } from "./page-reader.ts";

/** Integers of so many digits, and powers of ten up to there, are exact as doubles. */
const exactDigits = 15;
const powersOfTen: readonly number[] = Array.from({ length: exactDigits + 1 }, (_, i) => 10 ** i);

/**
 * What stands behind a sample's head in the plain form ` 5 1759761000000`: single blanks, a line feed.
 * A number of at most 15 digits without exponent is read from its bytes; others go the long way.
 */
export class PlainTail {
  value: number = NaN;
  /** As it stands there: milliseconds or seconds; `NaN` where there is none. */
  timestamp: number = NaN;
  /** Offset behind the line feed. */
  end = 0;
  #number = NaN;

  /**
   * Reads from the value's first byte on.
   *
   * @param fractions Whether a timestamp may have a sign and a fraction.
   * @returns Whether the line goes on in the plain form; if not, it may be valid all the same.
   */
  read(bytes: Buffer, at: number, fractions: boolean): boolean {
    let end = this.#readDecimal(bytes, at, true);
    let next = bytes[end];
    if (next !== byte.space && next !== byte.lineFeed) {
      end = this.#readToken(bytes, at);
      next = bytes[end];
    }
    if (end === at) return false;
    this.value = this.#number;
    this.timestamp = NaN;
    if (next === byte.space) {
      const start = end + 1;
      end = this.#readDecimal(bytes, start, fractions);
      if (end === start) return false;
      this.timestamp = this.#number;
    }
    this.end = end + 1;
    return bytes[end] === byte.lineFeed;
  }

  /** Leaves the number in `#number` and gives the offset behind it, or `at` where it is not of the short kind. */
  #readDecimal(bytes: Buffer, at: number, fractions: boolean): number {
    const negative = fractions && bytes[at] === 0x2d;
    const start = negative ? at + 1 : at;
    let i = start;
    let digits = 0;
    let b = bytes[i]!;
    for (; b >= 0x30 && b <= 0x39; b = bytes[++i]!) digits = digits * 10 + (b - 0x30);
    if (i === start) return at;
    let point = i;
    if (b === 0x2e && fractions) {
      point = i + 1;
      for (b = bytes[++i]!; b >= 0x30 && b <= 0x39; b = bytes[++i]!) digits = digits * 10 + (b - 0x30);
    }
    if (i - start > exactDigits) return at;
    // Both are exact, so that the quotient is the nearest double, as IEEE 754 rounds.
    if (i > point) digits /= powersOfTen[i - point]!;
    this.#number = negative ? -digits : digits;
    return i;
  }

  /** As {@link #readDecimal}, for every other number: up to the next space or line feed. */
  #readToken(bytes: Buffer, at: number): number {
    let end = at;
    for (let b = bytes[end]; b !== undefined && b !== byte.space && b !== byte.lineFeed; ) b = bytes[++end];
    const value = parseNumber(bytes.toString("latin1", at, end));
    if (value === undefined) return at;
    this.#number = value;
    return end;
  }
}
