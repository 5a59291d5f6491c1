import type { Batch, Refusal } from "@promferry/core/delivery";
import { type MetricFamily, type SampleValue, seriesKey } from "@promferry/core/series";
import type { LatestValue } from "./split-groups.ts";

/** The newest sample of each series of a batch; the older ones are refused, since nothing could hold them. */
export function latestOfBatch(batch: Batch): {
  readonly latest: readonly LatestValue[];
  readonly superseded: readonly Refusal[];
} {
  let older = 0;
  const latest = batch.series.flatMap(({ series, family, values }): LatestValue[] => {
    const value: SampleValue | undefined = values.at(-1);
    if (value === undefined) return [];
    older += values.length - 1;
    return [{ series, family, value }];
  });
  const reason = "a Pushgateway holds one value a series: a newer one was pushed";
  return { latest, superseded: older === 0 ? [] : [{ reason, count: older }] };
}

/** The newest sample of each series of an exposition; of equal or unknown times the last one. */
export function latestOfFamilies(families: readonly MetricFamily[]): LatestValue[] {
  const newest = new Map<string, LatestValue & { readonly timestampMs: number }>();
  for (const family of families) {
    for (let row = 0; row < family.series.length; row++) {
      const series = family.series[row]!;
      const timestampMs = family.timestampsMs[row]!;
      const key = seriesKey(series.name, series.labels);
      const known = newest.get(key);
      if (known && known.timestampMs > timestampMs) continue;
      newest.set(key, { series, family, value: family.values[row]!, timestampMs });
    }
  }
  return [...newest.values()];
}
