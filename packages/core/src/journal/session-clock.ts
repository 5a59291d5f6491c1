import type { EpochMs } from "../series/series.ts";

/** How far wall clock and session clock may stand apart before a new session is due: 60 s. */
export const MAX_CLOCK_DRIFT_MS = 60_000;

/**
 * A session's time: the wall clock's at its start, and from there on the monotonic clock's. A user or
 * an NTP server who moves the wall clock does not move frames.
 */
export interface SessionClock {
  readonly startedMs: EpochMs;
  /** The session's time now, in whole milliseconds. */
  now(): EpochMs;
  /** Wall clock less session clock. Large after a suspend, or after the wall clock was set. */
  driftMs(): number;
}

export interface ClockSources {
  /** The wall clock, in milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** A clock that never goes back, in milliseconds from anywhere. Default `performance.now`. */
  readonly monotonicMs?: () => number;
}

/** A clock that starts now. */
export function createSessionClock(sources: ClockSources = {}): SessionClock {
  const { now = Date.now, monotonicMs = () => performance.now() } = sources;
  const startedMs = now();
  const origin = monotonicMs();
  const sessionNow = () => startedMs + Math.floor(monotonicMs() - origin);
  return { startedMs, now: sessionNow, driftMs: () => now() - sessionNow() };
}
