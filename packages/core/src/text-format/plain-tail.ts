import type { Buffer } from "node:buffer";
import { parseNumber } from "./number.ts";
import { byte } from "./page-reader.ts";

/** Integers of so many digits are exact as doubles. */
const exactDigits = 15;
/** And so are powers of ten up to 10^22. */
const powersOfTen: readonly number[] = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/**
 * What stands behind a sample's head in the plain form ` 5 1759761000000`: single blanks, a line feed.
 * A number of at most 15 digits and a small exponent is read from its bytes; others go the long way.
 */
export class PlainTail {
  value: number = NaN;
  /** As it stands there: milliseconds or seconds; `NaN` where there is none. */
  timestamp: number = NaN;
  /** Offset behind the line feed. */
  end = 0;
  #number = NaN;
  /** Where the last timestamp stands, its line feed included. */
  #timeStart = 0;
  #timeLength = 0;
  #time = NaN;
  readonly #view: DataView;

  /** @param bytes All of the page. */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Reads from the value's first byte on.
   *
   * @param fractions Whether a timestamp may have a sign, a fraction and an exponent.
   * @returns Whether the line goes on in the plain form; if not, it may be valid all the same.
   */
  read(bytes: Buffer, at: number, fractions: boolean): boolean {
    // Most values are short integers. Here, and not in a function of its own, since each one is compiled (measured).
    let end = at;
    let number = 0;
    let b = bytes[end]!;
    for (; b >= 0x30 && b <= 0x39 && end - at < exactDigits; b = bytes[++end]!)
      number = number * 10 + (b - 0x30);
    if (end === at || (b !== byte.space && b !== byte.lineFeed)) {
      end = this.#readDecimal(bytes, at, true);
      b = bytes[end]!;
      if (b !== byte.space && b !== byte.lineFeed) {
        end = this.#readToken(bytes, at);
        b = bytes[end]!;
      }
      if (end === at) return false;
      number = this.#number;
    }
    this.value = number;
    this.timestamp = NaN;
    if (b !== byte.space) {
      this.end = end + 1;
      return b === byte.lineFeed;
    }
    end++;
    // Lines that stand together most often have the same timestamp. Compared as doubles, which are neither zero nor NaN:
    // ours are digits and a line feed. The last eight bytes overlap with the first.
    const start = this.#timeStart;
    const length = this.#timeLength;
    let isSame = length >= 8 && end + length <= bytes.length;
    for (let i = 0; isSame && i < length; i += 8) {
      const k = Math.min(i, length - 8);
      isSame = this.#view.getFloat64(start + k) === this.#view.getFloat64(end + k);
    }
    if (!isSame) return this.#readTime(bytes, end, fractions);
    this.timestamp = this.#time;
    this.end = end + length;
    return true;
  }

  #readTime(bytes: Buffer, at: number, fractions: boolean): boolean {
    const end = this.#readDecimal(bytes, at, fractions);
    if (end === at || bytes[end] !== byte.lineFeed) return false;
    this.timestamp = this.#number;
    this.end = end + 1;
    this.#time = this.#number;
    this.#timeStart = at;
    this.#timeLength = this.end - at;
    return true;
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
    // Digits and powers are exact, so that quotient and product are the nearest double, as IEEE 754 rounds.
    if ((b === 0x65 || b === 0x45) && fractions) {
      return this.#readExponent(bytes, i, negative ? -digits : digits, point - i) || at;
    }
    if (i > point) digits /= powersOfTen[i - point]!;
    this.#number = negative ? -digits : digits;
    return i;
  }

  /** Goes on at the `e`, behind digits of which the last stands for 10 to the `power`. 0 where it does not. */
  #readExponent(bytes: Buffer, at: number, digits: number, power: number): number {
    let i = at + 1;
    const sign = bytes[i];
    if (sign === 0x2b || sign === 0x2d) i++;
    const first = i;
    let exponent = 0;
    for (let b = bytes[i]!; b >= 0x30 && b <= 0x39; b = bytes[++i]!) exponent = exponent * 10 + (b - 0x30);
    if (i === first) return 0;
    const shift = power + (sign === 0x2d ? -exponent : exponent);
    if (shift < -22 || shift > 22) return 0;
    this.#number = shift < 0 ? digits / powersOfTen[-shift]! : digits * powersOfTen[shift]!;
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
