import type { Coarseness } from "@promferry/core/merge";
import { formatDuration } from "../config/duration.ts";
import type { MetricsConfig } from "../config/schema.ts";

type CoarseSettings = Pick<MetricsConfig, "round_counts" | "minimum_count" | "time_step">;

/** How coarse the configuration wants a program's totals to leave; undefined: as they are. */
export function coarsenessOf(metrics: CoarseSettings): Coarseness | undefined {
  const { round_counts: roundCounts, minimum_count: minimumCount, time_step: timeStepMs } = metrics;
  const coarseness: Coarseness = {
    ...(roundCounts !== undefined && { roundCounts }),
    ...(minimumCount !== undefined && { minimumCount }),
    ...(timeStepMs !== undefined && { timeStepMs }),
  };
  return Object.keys(coarseness).length === 0 ? undefined : coarseness;
}

/** What that does to a program's own telemetry, a sentence for each. */
export function coarselyInWords({ roundCounts, minimumCount, timeStepMs }: Coarseness): string[] {
  return [
    ...(roundCounts === undefined
      ? []
      : [
          `counters and counts leave rounded down to multiples of ${roundCounts}, sums and quantiles stay here (metrics.round_counts)`,
        ]),
    ...(minimumCount === undefined
      ? []
      : [
          `what was counted less than ${shownFrom(minimumCount, roundCounts)} times stays here (metrics.minimum_count)`,
        ]),
    ...(timeStepMs === undefined
      ? []
      : [
          `samples leave once each ${formatDuration(timeStepMs)}, at its end and as they were then (metrics.time_step)`,
        ]),
  ];
}

/** The least count that reaches the minimum once it is rounded down. */
function shownFrom(minimumCount: number, roundCounts = 1): number {
  return Math.ceil(minimumCount / roundCounts) * roundCounts;
}
