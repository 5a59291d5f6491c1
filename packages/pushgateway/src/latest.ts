import { type Batch, NATIVE_HISTOGRAMS_LEFT_OUT, type Refusal } from "@promferry/core/delivery";
import { isHistogram, type MetricFamily, type SampleValue, seriesKey, valueAt } from "@promferry/core/series";
import type { LatestValue } from "./split-groups.ts";

/**
 * The newest sample of each series of a batch; the older ones are refused, since nothing could hold them.
 * Native histograms are left out: the text that is pushed has none.
 */
export function latestOfBatch(batch: Batch): {
  readonly latest: readonly LatestValue[];
  readonly superseded: readonly Refusal[];
  readonly leftOut: readonly Refusal[];
} {
  let older = 0;
  let histograms = 0;
  const latest = batch.series.flatMap(({ series, family, values }): LatestValue[] => {
    const value: SampleValue | undefined = values.at(-1);
    if (value === undefined) return [];
    older += values.length - 1;
    if (isHistogram(value)) {
      histograms++;
      return [];
    }
    return [{ series, family, value }];
  });
  const reason = "a Pushgateway holds one value a series: a newer one was pushed";
  return {
    latest,
    superseded: older === 0 ? [] : [{ reason, count: older }],
    leftOut: histograms === 0 ? [] : [{ reason: NATIVE_HISTOGRAMS_LEFT_OUT, count: histograms }],
  };
}

/**
 * The newest sample of each series of an exposition; of equal or unknown times the last one. Native
 * histograms are passed over.
 */
export function latestOfFamilies(families: readonly MetricFamily[]): LatestValue[] {
  const newest = new Map<string, LatestValue & { readonly timestampMs: number }>();
  for (const family of families) {
    for (let row = 0; row < family.series.length; row++) {
      const series = family.series[row]!;
      const timestampMs = family.timestampsMs[row]!;
      const value = valueAt(family, row);
      if (isHistogram(value)) continue;
      const key = seriesKey(series.name, series.labels);
      const known = newest.get(key);
      if (known && known.timestampMs > timestampMs) continue;
      newest.set(key, { series, family, value, timestampMs });
    }
  }
  return [...newest.values()];
}
