import { formatValue } from "./number.ts";

/** UTF-8 that grows as it is written. */
export interface PageBytes {
  /** Begins anew, in the room that there is. */
  clear(): void;
  /** What was written so far; valid until the next write. */
  written(): Buffer;
  text(text: string): void;
  /**
   * The bytes of `head` from `start` up to `end`, the value as `formatValue` has it, and the nearest integer of the
   * timestamp unless that is `NaN`, a blank before each; and a line feed.
   */
  sample(head: Buffer, start: number, end: number, value: number, timestampMs: number): void;
}

/** Of a value and a timestamp with what stands around them: twice 24 digits, signs and letters. */
const NUMBERS_BYTES = 64;
const ZERO = 0x30;
const SPACE = 0x20;

export function createPageBytes(): PageBytes {
  let bytes = Buffer.allocUnsafeSlow(4096);
  let at = 0;
  let tail = Buffer.from("\n");
  let tailMs = Number.NaN;

  function reserve(count: number): void {
    if (at + count <= bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(at + count, 2 * bytes.length));
    bytes.copy(larger, 0, 0, at);
    bytes = larger;
  }

  function digits(value: number): void {
    let end = at + 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
    at = end;
    let rest = value;
    do {
      const tenth = (rest / 10) | 0;
      bytes[--end] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }

  function setTail(timestampMs: number): void {
    tailMs = timestampMs;
    tail = Buffer.from(Number.isNaN(timestampMs) ? "\n" : ` ${Math.round(timestampMs)}\n`);
  }

  return {
    clear() {
      at = 0;
    },
    written: () => bytes.subarray(0, at),
    text(text) {
      reserve(3 * text.length);
      at += bytes.write(text, at, "utf8");
    },
    sample(head, start, end, value, timestampMs) {
      reserve(end - start + NUMBERS_BYTES);
      head.copy(bytes, at, start, end);
      at += end - start;
      bytes[at++] = SPACE;
      const whole = value | 0;
      if (whole === value && (whole > 0 || Object.is(value, 0))) digits(whole);
      else {
        const text = formatValue(value);
        for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
      }
      if (!Object.is(timestampMs, tailMs)) setTail(timestampMs);
      for (let i = 0; i < tail.length; i++) bytes[at++] = tail[i]!;
    },
  };
}
