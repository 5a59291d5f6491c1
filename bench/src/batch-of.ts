import type { Batch } from "@promferry/core/delivery";
import type { MetricFamily } from "@promferry/core/series";

/** Each series of the families with its one sample, or with `samples` of them five minutes apart. */
export function batchOf(families: readonly MetricFamily[], samples = 1): Batch {
  const series = families.flatMap((family) =>
    family.series.map((each, row) => ({
      series: each,
      family,
      timestampsMs: Array.from({ length: samples }, (_, i) => (family.timestampsMs[row] ?? 0) + i * 300_000),
      values: Array.from({ length: samples }, (_, i) => (family.values[row] ?? 0) + i),
    })),
  );
  return { series, sampleCount: series.length * samples };
}
