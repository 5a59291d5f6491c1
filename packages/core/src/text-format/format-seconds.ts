import type { EpochMs } from "../series/series.ts";

/**
 * Milliseconds as OpenMetrics' seconds, in the shortest decimal that every reader turns into the same
 * millisecond again.
 *
 * Go's readers multiply by 1000 and cut: `1.001` would become 1000 ms. Where that happens the next
 * double away from zero is written instead, less than a microsecond off: `1.0010000000000001`.
 */
export function formatSeconds(timestampMs: EpochMs): string {
  const ms = Math.round(timestampMs) + 0;
  const seconds = ms / 1000;
  return String(Math.trunc(seconds * 1000) === ms ? seconds : nextAwayFromZero(seconds));
}

function nextAwayFromZero(value: number): number {
  const bits = new BigInt64Array(1);
  const double = new Float64Array(bits.buffer);
  double[0] = value;
  bits[0] = bits[0]! + 1n;
  return double[0];
}
