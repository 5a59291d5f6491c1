import type { Batch } from "@promferry/core/delivery";
import { k1Day } from "./pages/k1-day.ts";

/** The first series of k1 with the samples of that many flushes in a row, after some hours of life. */
export function k1Batch(seriesCount: number, samples: number): Batch {
  const flushes = [...k1Day(50 + samples)].slice(50);
  const series = flushes[0]!.flatMap((family, f) =>
    family.series.map((each, row) => ({
      series: each,
      family,
      timestampsMs: flushes.map((families) => families[f]!.timestampsMs[row]!),
      values: flushes.map((families) => families[f]!.values[row]!),
    })),
  );
  return {
    series: series.slice(0, seriesCount),
    sampleCount: Math.min(seriesCount, series.length) * samples,
  };
}
