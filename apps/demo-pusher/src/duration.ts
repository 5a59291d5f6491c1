const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads `500ms`, `15s`, `5m` or `1h`, as milliseconds; a bare number means seconds.
 *
 * @throws {RangeError} Anything else, and less than 100 ms or more than a day.
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const ms = match ? Number(match[1]) * UNIT_MS[(match[2] ?? "s") as keyof typeof UNIT_MS] : Number.NaN;
  if (ms >= 100 && ms <= 24 * UNIT_MS.h) return ms;
  throw new RangeError(
    `expected a time from 100ms to 24h, such as 15s, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}
