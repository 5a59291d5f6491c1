import type { Exemplar, Label, MetricFamily, MetricType, Series } from "../series/index.ts";
import { createSeriesDictionary, type SeriesDictionary } from "../series/index.ts";

/**
 * Reads prom-client's own maps, since its public `get()` is asynchronous and a program's last values are
 * needed while it exits. The shapes are those of prom-client 15.1.3; the contract test beside this file
 * compares the outcome with what `registry.metrics()` prints.
 */

/** What is read of a prom-client registry; a `Registry` of any copy of prom-client 15 has it. */
export interface ReadableRegistry {
  getMetricsAsArray(): readonly object[];
  readonly contentType: string;
}

export interface GatherOptions {
  /**
   * Interns the series, so that gathering again gives the same objects. Default: a new one each time.
   */
  readonly dictionary?: SeriesDictionary;
  /** Whether to call the metrics' own `collect` functions first. Default true. */
  readonly collect?: boolean;
}

/**
 * The registry's present values, synchronously, in the order and under the names of its text page.
 * Timestamps are `NaN`. A counter's family name is its sample name, `_total` included.
 *
 * `collect` functions run first; one that returns a promise is not waited for, so its metric shows the
 * value of its last completed run, and one that throws leaves its metric as it is. Two series that
 * differ only by empty label values are one: the first counts, as for Prometheus' scrape.
 *
 * @throws {TypeError} A metric isn't prom-client 15's.
 */
export function gatherRegistry(
  registry: ReadableRegistry,
  options: GatherOptions = {},
): readonly MetricFamily[] {
  const { dictionary = createSeriesDictionary(), collect = true } = options;
  const metrics = registry.getMetricsAsArray() as readonly Metric[];
  if (collect) for (const metric of metrics) void runCollect(metric);
  const defaults = (registry as { _defaultLabels?: LabelBag })._defaultLabels ?? {};
  const openMetrics = registry.contentType.startsWith("application/openmetrics-text");
  return metrics.map((metric) => gatherMetric(metric, defaults, openMetrics, dictionary));
}

/**
 * Runs the `collect` functions of all metrics and waits for the asynchronous ones. One that fails
 * leaves its metric as it is. Gather with `collect: false` afterwards.
 */
export async function collectRegistry(registry: ReadableRegistry): Promise<void> {
  await Promise.all((registry.getMetricsAsArray() as readonly Metric[]).map(runCollect));
}

type LabelBag = Readonly<Record<string, unknown>>;

interface PromExemplar {
  readonly labelSet: LabelBag;
  readonly value: number;
  readonly timestamp: number;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly collect?: () => unknown;
  readonly hashMap?: Readonly<Record<string, Entry>>;
  readonly upperBounds?: readonly number[];
  readonly percentiles?: readonly number[];
  readonly pruneAgedBuckets?: boolean;
}

interface Entry {
  readonly labels: LabelBag;
  readonly value: number;
  readonly exemplar?: PromExemplar;
  readonly sum: number;
  readonly count: number;
  readonly bucketValues: Readonly<Record<string, number>>;
  readonly bucketExemplars?: Readonly<Record<string, PromExemplar | null>>;
  readonly td: { compress(): void; size(): number; percentile(quantile: number): number | undefined };
}

async function runCollect(metric: Metric): Promise<void> {
  try {
    await metric.collect?.();
  } catch {
    // The metric's last values stand; a measurement that fails must not cost the others.
  }
}

interface Columns {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  readonly exemplars: Map<number, readonly Exemplar[]>;
  readonly seen: Set<Series>;
  add(name: string, labels: LabelBag, own: LabelBag, value: number, exemplar?: PromExemplar | null): void;
}

function gatherMetric(
  metric: Metric,
  defaults: LabelBag,
  openMetrics: boolean,
  dictionary: SeriesDictionary,
): MetricFamily {
  const { hashMap } = metric;
  if (typeof hashMap !== "object") {
    throw new TypeError(
      `metric ${JSON.stringify(metric.name)}: expected a metric of prom-client 15, found no value map`,
    );
  }
  const name =
    openMetrics && metric.type === "counter" ? `${metric.name.replace(/_total$/, "")}_total` : metric.name;
  const columns = createColumns(defaults, dictionary);
  for (const entry of Object.values(hashMap)) {
    if (metric.type === "histogram") addHistogram(columns, name, metric, entry);
    else if (metric.type === "summary") addSummary(columns, name, metric, entry);
    else columns.add(name, entry.labels, {}, entry.value, openMetrics ? entry.exemplar : null);
  }
  const { series, values, timestampsMs, exemplars } = columns;
  const type = familyTypes[metric.type] ?? "unknown";
  const family = { name, type, help: metric.help, unit: "", series, values, timestampsMs };
  return exemplars.size > 0 ? { ...family, exemplars } : family;
}

const familyTypes: Readonly<Record<string, MetricType>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
};

function addHistogram(columns: Columns, name: string, metric: Metric, entry: Entry): void {
  const { labels, bucketExemplars } = entry;
  let cumulative = 0;
  for (const bound of metric.upperBounds ?? []) {
    cumulative += entry.bucketValues[bound] ?? 0;
    columns.add(`${name}_bucket`, labels, { le: bound }, cumulative, bucketExemplars?.[bound]);
  }
  columns.add(`${name}_bucket`, labels, { le: "+Inf" }, entry.count, bucketExemplars?.["-1"]);
  columns.add(`${name}_sum`, labels, {}, entry.sum);
  columns.add(`${name}_count`, labels, {}, entry.count);
}

function addSummary(columns: Columns, name: string, metric: Metric, entry: Entry): void {
  if (metric.pruneAgedBuckets && entry.td.size() === 0) return;
  entry.td.compress();
  for (const quantile of metric.percentiles ?? []) {
    columns.add(name, entry.labels, { quantile }, entry.td.percentile(quantile) || 0);
  }
  columns.add(`${name}_sum`, entry.labels, {}, entry.sum);
  columns.add(`${name}_count`, entry.labels, {}, entry.count);
}

function createColumns(defaults: LabelBag, dictionary: SeriesDictionary): Columns {
  const columns: Columns = {
    series: [],
    values: [],
    timestampsMs: [],
    exemplars: new Map(),
    seen: new Set(),
    add(name, labels, own, value, exemplar) {
      const series = dictionary.intern(name, labelList({ ...defaults, ...own, ...labels }));
      if (columns.seen.has(series)) return;
      columns.seen.add(series);
      if (exemplar) {
        const { labelSet, value: exemplarValue, timestamp } = exemplar;
        const timestampMs = Math.round(timestamp * 1000);
        const shown = { labels: labelList(labelSet), value: exemplarValue, timestampMs };
        columns.exemplars.set(columns.series.length, [shown]);
      }
      columns.series.push(series);
      columns.values.push(value);
      columns.timestampsMs.push(Number.NaN);
    },
  };
  return columns;
}

function labelList(bag: LabelBag): readonly Label[] {
  return Object.entries(bag).map(([name, value]) => ({ name, value: String(value) }));
}
