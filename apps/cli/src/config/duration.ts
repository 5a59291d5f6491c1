const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** Prometheus' durations: largest unit first, each unit at most once. */
export const DURATION_PATTERN: RegExp =
  /^(?=\d)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

const ORDER = ["y", "w", "d", "h", "m", "s", "ms"];

/**
 * Milliseconds of a duration such as `5m`, `1h30m` or `500ms`; `0` needs no unit. A day has 24 hours
 * and a year 365 days, as in Prometheus. `undefined` where the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const match = DURATION_PATTERN.exec(text);
  if (!match) return undefined;
  const totalMs = ORDER.reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * UNITS_MS[unit]!, 0);
  return Number.isSafeInteger(totalMs) ? totalMs : undefined;
}

/** A duration as `parseDuration` reads it, to the millisecond: `1h30m`. */
export function formatDuration(durationMs: number): string {
  let rest = Math.round(durationMs);
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const amount = Math.floor(rest / UNITS_MS[unit]!);
    rest -= amount * UNITS_MS[unit]!;
    if (amount > 0) text += `${amount}${unit}`;
  }
  return text === "" ? "0s" : text;
}
