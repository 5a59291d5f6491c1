import type { EpochMs } from "../series/series.ts";

/** The three forms of a date that a recipient must read. @see RFC 9110, section 5.6.7 */
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850_DATE = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * How long a `Retry-After` header asks to wait, in milliseconds: seconds or an HTTP date. A date
 * that has passed is 0.
 *
 * @param now Current time, against which a date is read.
 * @returns `undefined` where there is no header or it makes no sense.
 * @see RFC 9110, section 10.2.3
 */
export function parseRetryAfter(value: string | null | undefined, now: EpochMs): number | undefined {
  const text = value?.trim() ?? "";
  // Fractions are not in the standard, but some servers send them; rounding up obeys them.
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), Number.MAX_SAFE_INTEGER);
  const at = parseHttpDate(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function parseHttpDate(text: string): EpochMs {
  if (IMF_FIXDATE.test(text) || RFC_850_DATE.test(text)) return Date.parse(text);
  if (ASCTIME_DATE.test(text)) return Date.parse(`${text} GMT`);
  return Number.NaN;
}
