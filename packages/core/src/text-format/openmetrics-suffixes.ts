import type { MetricType } from "../series/series.ts";

/**
 * What a sample's name adds to its family's name, by type.
 *
 * @see OpenMetrics 1.0, "Suffixes"
 */
const openMetricsSuffixes: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum", "_created"],
  gaugehistogram: ["_bucket", "_gcount", "_gsum"],
  summary: ["", "_count", "_sum", "_created"],
  info: ["_info"],
  stateset: [""],
  unknown: [""],
};

/** The suffix under which `type` allows the sample in its family; undefined where it does not. */
export function openMetricsSuffix(family: string, type: MetricType, sample: string): string | undefined {
  if (!sample.startsWith(family)) return undefined;
  const suffix = sample.slice(family.length);
  return openMetricsSuffixes[type].includes(suffix) ? suffix : undefined;
}

/** The sample names that a family keeps from all others: each that it could have, and its own. */
export function openMetricsClaims(family: string, type: MetricType): readonly string[] {
  return [...new Set(["", ...openMetricsSuffixes[type]])].map((suffix) => family + suffix);
}

/** The label that belongs to a sample and not to its metric: `le`, `quantile`, a state's name. */
export function openMetricsOwnLabel(family: string, type: MetricType, suffix: string): string | undefined {
  if (suffix === "_bucket") return "le";
  if (type === "summary" && suffix === "") return "quantile";
  return type === "stateset" ? family : undefined;
}
