import { ProblemError } from "../http/problem.ts";
import type { TimeRange } from "../prometheus/prometheus-client.ts";

/** The query string as it comes. */
export interface MetricsQuery {
  readonly from?: string;
  readonly to?: string;
  readonly step?: string;
  readonly names?: string;
  readonly project?: string;
}

/** Points of one series; Prometheus refuses more. */
const MAX_POINTS = 11_000;
const DEFAULT_RANGE_MS = 3_600_000;
/** Points where no step is asked for. */
const USUAL_POINTS = 240;
const MAX_RANGE_MS = 400 * 86_400_000;

/**
 * The range that is asked about: `to` is now unless it is said, and never later; `from` an hour before it.
 *
 * `from` moves up by less than a step, so that the last point is at `to`.
 *
 * @param windowSeconds Window of rates; points closer than a quarter of it say nothing new.
 * @throws {ProblemError} `metrics_range`.
 */
export function parseRange(query: MetricsQuery, nowMs: number, windowSeconds: number): TimeRange {
  const toMs = Math.min(instant("to", query.to) ?? nowMs, nowMs);
  const fromMs = instant("from", query.from) ?? toMs - DEFAULT_RANGE_MS;
  const lengthMs = toMs - fromMs;
  if (lengthMs <= 0) throw wrong("from: expected a time before to, and before now");
  if (lengthMs > MAX_RANGE_MS) throw wrong("from: expected at most 400 days before to");
  const shortestMs = Math.ceil(windowSeconds / 4) * 1_000;
  const usualMs = Math.ceil(lengthMs / USUAL_POINTS / 1_000) * 1_000;
  const stepMs = step(query.step) ?? Math.max(shortestMs, usualMs);
  if (stepMs < shortestMs) {
    throw wrong(`step: expected at least ${shortestMs / 1_000} s, a quarter of the window of rates`);
  }
  if (lengthMs < stepMs) throw wrong("step: expected at most the time from from to to");
  const steps = Math.floor(lengthMs / stepMs);
  if (steps + 1 > MAX_POINTS) {
    const leastMs = Math.ceil(lengthMs / (MAX_POINTS - 1) / 1_000) * 1_000;
    throw wrong(
      `step: expected at least ${leastMs / 1_000} s, or a series has more than ${MAX_POINTS} points`,
    );
  }
  return { fromMs: toMs - steps * stepMs, toMs, stepMs };
}

/**
 * The names that are asked for, separated by commas, each once.
 *
 * @throws {ProblemError} `metrics_name`.
 */
export function parseNames(
  names: string | undefined,
  known: { has(name: string): boolean; keys(): Iterable<string> },
  usual: readonly string[],
): readonly string[] {
  if (names === undefined) return usual;
  const asked = [...new Set(names.split(","))];
  const unknown = asked.find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new ProblemError(
      "metrics_name",
      `names: expected some of ${[...known.keys()].join(", ")}; found ${JSON.stringify(unknown.slice(0, 100))}`,
    );
  }
  return asked;
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function instant(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,14}$/.test(text) ? Number(text) : RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isFinite(ms) || ms < 0) {
    throw wrong(`${name}: expected milliseconds since the epoch or a time such as 2026-01-31T12:00:00Z`);
  }
  return ms;
}

function step(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,7}$/.test(text)) throw wrong("step: expected whole seconds");
  return Number(text) * 1_000;
}

function wrong(message: string): ProblemError {
  return new ProblemError("metrics_range", message);
}
