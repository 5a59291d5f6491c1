import type { BatchSeries } from "@promferry/core/delivery";
import { isHistogram } from "@promferry/core/series";

/**
 * Whether the series, by its family's type, is one of native histograms: it is named like its family, which
 * no other series of a histogram is. Its stale marker is a histogram's then.
 */
export function isHistogramSeries({ series, family }: BatchSeries): boolean {
  const { type, name } = family;
  return (type === "histogram" || type === "gaugehistogram") && series.name === name;
}

/** The same of one that holds a native histogram, whatever its family says. */
export function hasHistograms(entry: BatchSeries): boolean {
  return isHistogramSeries(entry) || entry.values.some(isHistogram);
}
