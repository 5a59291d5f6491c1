import { createHash } from "node:crypto";
import type { EpochMs } from "@promferry/core/series";

/**
 * Where in its interval a target is scraped, in milliseconds: the same in every run, and spread evenly
 * over targets.
 */
export function scrapeOffset(targetId: string, intervalMs: number, seed: string): number {
  const hash = createHash("sha256").update(`${seed}\n${targetId}`).digest();
  return hash.readUIntBE(0, 6) % intervalMs;
}

/** The first instant after `after` that lies `offsetMs` behind a multiple of the interval since the epoch. */
export function nextDue(after: EpochMs, intervalMs: number, offsetMs: number): EpochMs {
  return Math.floor((after - offsetMs) / intervalMs) * intervalMs + intervalMs + offsetMs;
}

/**
 * The time that a scrape gets: when it was due, where it began at most 2 ms (and a hundredth of the
 * interval) beside it, as Prometheus does; equal distances take less room in a database.
 */
export function scrapeTime(begun: EpochMs, due: EpochMs, intervalMs: number): EpochMs {
  const toleranceMs = intervalMs > 200 ? 2 : 0;
  return Math.abs(begun - due) <= toleranceMs ? due : Math.round(begun);
}
