/**
 * A program's totals, made coarser on their way out.
 *
 * What the totals know stays exact; all of this happens to what they show, and follows from what they know. So a resend
 * gives the same bytes, and where uploads are cut makes no difference.
 */

import type { FrameHeader } from "../journal/frame.ts";
import type { EpochMs, FamilyMetadata, Series } from "../series/series.ts";
import type { Projection } from "./projection.ts";
import { shapeOf } from "./series-shape.ts";

/** How coarse a program's own telemetry leaves; absent parts are off. Scraped pages pass as they are. */
export interface Coarseness {
  /**
   * Counters, and counts of histograms and summaries, are rounded down to a multiple of it; a whole number from 2 on.
   * Sums and quantiles stay behind: a sum moves with each single event, and beside a rounded count it tells the count.
   */
  readonly roundCounts?: number;
  /**
   * A counter shows from so many on, a histogram or summary when its count is there; a whole number from 2 on. Of a
   * histogram that shows, a bucket with fewer is 0. After rounding, where both are given.
   */
  readonly minimumCount?: number;
  /**
   * Samples stand only at multiples of it since the epoch, in milliseconds; a divisor of a day, so that no step lies
   * over a day's border in UTC. At each multiple stands what the step that ends there saw last.
   */
  readonly timeStepMs?: number;
}

const DAY_MS = 86_400_000;
const ROUNDED = "it would tell the exact counts that are rounded";

/**
 * The projection, with how coarse its series leave.
 *
 * @throws {RangeError} A part of `coarseness` is not what it has to be.
 */
export function coarsely(project: Projection, coarseness: Coarseness): Projection {
  const { timeStepMs = 1000 } = coarseness;
  for (const key of ["roundCounts", "minimumCount"] as const) {
    const { [key]: count = 2 } = coarseness;
    if (!Number.isSafeInteger(count) || count < 2)
      throw new RangeError(`${key}: expected a whole number from 2 on, got ${count}`);
  }
  if (!(Number.isInteger(timeStepMs) && timeStepMs > 0 && DAY_MS % timeStepMs === 0))
    throw new RangeError(`timeStepMs: expected a divisor of a day (${DAY_MS}), got ${timeStepMs}`);
  const gate: Projection = (series, context) => {
    const isTold = coarseness.roundCounts !== undefined && context.origin === "app";
    return isTold && isOfEvents(series, context.family) ? { withheld: ROUNDED } : project(series, context);
  };
  // With its periods and its memory.
  return Object.assign(gate, project, { coarseness });
}

/** Whether the series tells single events of a histogram or summary: its sum, or a quantile. */
export function isOfEvents(series: Pick<Series, "name" | "labels">, family: FamilyMetadata): boolean {
  if (family.type !== "histogram" && family.type !== "summary") return false;
  const shape = shapeOf(series, family);
  return shape === "counter" || (shape === "gauge" && series.name === family.name);
}

/** When what a frame shows stands at a destination: at its own time, or at the end of its step. */
export function leavingTime(
  { origin, writtenMs }: Pick<FrameHeader, "origin" | "writtenMs">,
  coarseness: Coarseness | undefined,
): EpochMs {
  const stepMs = coarseness?.timeStepMs;
  return stepMs === undefined || origin === "scrape" ? writtenMs : stepStart(writtenMs, stepMs) + stepMs;
}

/** The first time after `atMs` at which a sample may stand. */
export function leavingTimeAfter(atMs: EpochMs, coarseness: Coarseness | undefined): EpochMs {
  const stepMs = coarseness?.timeStepMs;
  return stepMs === undefined ? atMs + 1 : stepStart(atMs, stepMs) + stepMs;
}

/** A count as it may leave. Monotone, so that totals don't fall and buckets stay in order. */
export function coarseCount(count: number, { roundCounts, minimumCount = 0 }: Coarseness): number {
  const rounded = roundCounts === undefined ? count : count - (count % roundCounts);
  return rounded < minimumCount ? 0 : rounded;
}

function stepStart(atMs: EpochMs, stepMs: number): EpochMs {
  return Math.floor(atMs / stepMs) * stepMs;
}
