import { seriesKey } from "../series/dictionary.ts";
import type { Exemplar, Label, MetricFamily, Series } from "../series/series.ts";
import { escapeQuoted, writeLabel, writeMetricName, writeSeries } from "./escape.ts";
import { formatSeconds } from "./format-seconds.ts";
import { formatCanonical, formatValue, parseNumber } from "./number.ts";
import { type PlannedFamily, type PlannedSample, planOpenMetrics } from "./openmetrics-plan.ts";
import { openMetricsOwnLabel } from "./openmetrics-suffixes.ts";

/**
 * Writes an OpenMetrics 1.0 page, `# EOF` included: TYPE, UNIT and HELP of each family, then its
 * metrics one after the other, each in ascending order of time, histogram buckets by `le`.
 *
 * Counters' samples get the ending `_total` where they lack it. `le` and `quantile` are written in
 * canonical form. Milliseconds become seconds from which every reader gets the same millisecond.
 * `promtool tsdb create-blocks-from openmetrics` takes the page if every sample has a timestamp.
 *
 * Families whose sample names would clash are rearranged, as `a` and `a_total`: the one with a
 * suffix loses its type. A unit that is no suffix of its family's name is left out, and so are
 * exemplars on other samples than counters and buckets, and those of more than 128 characters. Native
 * histograms and stale markers have no place in the format and are left out.
 *
 * Not checked: what the samples say, such as a histogram without `+Inf` bucket. Names outside the
 * classic characters go in quotes, which Prometheus 3 reads and OpenMetrics 1.0 does not know.
 */
export function writeOpenMetrics(families: Iterable<MetricFamily>): string {
  let page = "";
  for (const family of planOpenMetrics([...families])) page += writeFamily(family);
  return `${page}# EOF\n`;
}

function writeFamily(family: PlannedFamily): string {
  const shown = writeMetricName(family.name);
  let text = `# TYPE ${shown} ${family.type}\n`;
  if (family.unit !== "") text += `# UNIT ${shown} ${family.unit}\n`;
  if (family.help !== "") text += `# HELP ${shown} ${escapeQuoted(family.help)}\n`;
  const heads = new Map<Series, string>();
  for (const sample of inOrder(family)) {
    let head = heads.get(sample.series);
    if (head === undefined) {
      head = writeSeries(sample.name, canonicalBounds(family, sample));
      heads.set(sample.series, head);
    }
    text += `${head} ${formatValue(sample.value)}`;
    if (!Number.isNaN(sample.timestampMs)) text += ` ${formatSeconds(sample.timestampMs)}`;
    text += `${writeExemplar(family, sample)}\n`;
  }
  return text;
}

/** By metric, in order of appearance; then by time; then buckets by bound, and the rest as it came. */
function inOrder(family: PlannedFamily): PlannedSample[] {
  const metricOf = new Map<Series, number>();
  const byKey = new Map<string, number>();
  const rank = (sample: PlannedSample): number => {
    const known = metricOf.get(sample.series);
    if (known !== undefined) return known;
    const own = ownLabel(family, sample);
    const rest =
      own === undefined ? sample.series.labels : sample.series.labels.filter((l) => l.name !== own);
    const key = seriesKey("", rest);
    const metric = byKey.get(key) ?? byKey.size;
    byKey.set(key, metric);
    metricOf.set(sample.series, metric);
    return metric;
  };
  const bounds = new Map<Series, number>();
  const bound = ({ series, name }: PlannedSample): number => {
    if (name !== `${family.name}_bucket`) return NaN;
    const known = bounds.get(series);
    if (known !== undefined) return known;
    const le = parseNumber(series.labels.find((label) => label.name === "le")?.value ?? "") ?? NaN;
    bounds.set(series, le);
    return le;
  };
  return family.samples
    .map((sample) => ({ sample, metric: rank(sample), time: sample.timestampMs, bound: bound(sample) }))
    .sort((a, b) => a.metric - b.metric || compare(a.time, b.time) || compare(a.bound, b.bound))
    .map(({ sample }) => sample);
}

/** `NaN` comes last and equals itself. */
function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

function ownLabel(family: PlannedFamily, sample: PlannedSample): string | undefined {
  return openMetricsOwnLabel(family.name, family.type, sample.name.slice(family.name.length));
}

function canonicalBounds(family: PlannedFamily, sample: PlannedSample): readonly Label[] {
  const own = ownLabel(family, sample);
  const { labels } = sample.series;
  if (own === undefined || family.type === "stateset") return labels;
  return labels.map((label) => {
    const bound = label.name === own ? parseNumber(label.value) : undefined;
    return bound === undefined ? label : { name: own, value: formatCanonical(bound) };
  });
}

function writeExemplar(family: PlannedFamily, sample: PlannedSample): string {
  const { exemplar } = sample;
  if (!exemplar || exemplarLength(exemplar) > 128) return "";
  const suffix = sample.name.slice(family.name.length);
  const allowed = suffix === "_bucket" || (suffix === "_total" && family.type === "counter");
  if (!allowed || family.type === "unknown") return "";
  const time = Number.isNaN(exemplar.timestampMs) ? "" : ` ${formatSeconds(exemplar.timestampMs)}`;
  return ` # {${exemplar.labels.map(writeLabel).join(",")}} ${formatValue(exemplar.value)}${time}`;
}

/** Characters of names and values, as the limit of 128 counts them. */
function exemplarLength({ labels }: Exemplar): number {
  let length = 0;
  for (const { name, value } of labels) length += Array.from(name).length + Array.from(value).length;
  return length;
}
