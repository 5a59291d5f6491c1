import type { GaugeRule } from "../journal/frame.ts";

/** A gauge's value in one session that is still running. */
export interface GaugeReading {
  readonly value: number;
  /** When it was written. */
  readonly atMs: number;
  /** Of the session; with `session` it decides between values of the same instant. */
  readonly startedMs: number;
  readonly session: string;
}

/**
 * One value for several readings, or `undefined` under `omit` and for no readings.
 *
 * `latest` is the reading written last, `first` the one of the session that started first.
 */
export function combineGauge(readings: readonly GaugeReading[], rule: GaugeRule): number | undefined {
  if (readings.length === 0) return undefined;
  const values = readings.map((reading) => reading.value);
  switch (rule) {
    case "latest":
      return readings.reduce((best, next) => (isLater(next, best) ? next : best)).value;
    case "first":
      return readings.reduce((best, next) => (startedBefore(next, best) ? next : best)).value;
    case "sum":
      return values.reduce((sum, value) => sum + value, 0);
    case "average":
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    case "min":
      return values.reduce((least, value) => Math.min(least, value));
    case "max":
      return values.reduce((most, value) => Math.max(most, value));
    case "omit":
      return undefined;
  }
}

function isLater(a: GaugeReading, b: GaugeReading): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs;
  return startedBefore(b, a);
}

function startedBefore(a: GaugeReading, b: GaugeReading): boolean {
  if (a.startedMs !== b.startedMs) return a.startedMs < b.startedMs;
  return a.session < b.session;
}
