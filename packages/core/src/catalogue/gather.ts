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
   * Interns the series, so that gathering again gives the same objects. Default: that of `memory`, else a new one each
   * time.
   */
  readonly dictionary?: SeriesDictionary;
  /** Makes gathering one registry again several times faster. Default: nothing is remembered. */
  readonly memory?: GatherMemory;
  /** Whether to call the metrics' own `collect` functions first. Default true. */
  readonly collect?: boolean;
}

/** The series of one entry of a metric's map, in the order in which they are shown. */
interface KnownEntry {
  /** As they were when the series were made; a copy, since whoever set them may reuse the object. */
  readonly labels: LabelBag;
  readonly defaults: LabelBag;
  readonly name: string;
  readonly series: readonly Series[];
}

/** What is remembered from one gathering to the next. Entries that are gone are forgotten. */
export interface GatherMemory {
  readonly dictionary: SeriesDictionary;
  /** By metric, and by its map's key. */
  readonly known: WeakMap<object, Map<string, KnownEntry>>;
}

export function createGatherMemory(dictionary: SeriesDictionary = createSeriesDictionary()): GatherMemory {
  return { dictionary, known: new WeakMap() };
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
  const { memory, dictionary = memory?.dictionary ?? createSeriesDictionary(), collect = true } = options;
  const metrics = registry.getMetricsAsArray() as readonly Metric[];
  if (collect) for (const metric of metrics) void runCollect(metric);
  const defaults = (registry as { _defaultLabels?: LabelBag })._defaultLabels ?? {};
  const openMetrics = registry.contentType.startsWith("application/openmetrics-text");
  const context = { defaults, openMetrics, memory: { dictionary, known: memory?.known ?? new WeakMap() } };
  return metrics.map((metric) => gatherMetric(metric, context));
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

interface GatherContext {
  readonly defaults: LabelBag;
  readonly openMetrics: boolean;
  readonly memory: GatherMemory;
}

interface Columns {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  readonly exemplars: Map<number, readonly Exemplar[]>;
  readonly seen: Set<Series>;
}

function gatherMetric(metric: Metric, context: GatherContext): MetricFamily {
  const { hashMap } = metric;
  const { openMetrics, memory } = context;
  if (typeof hashMap !== "object") {
    throw new TypeError(
      `metric ${JSON.stringify(metric.name)}: expected a metric of prom-client 15, found no value map`,
    );
  }
  const name =
    openMetrics && metric.type === "counter" ? `${metric.name.replace(/_total$/, "")}_total` : metric.name;
  const before = memory.known.get(metric);
  const known = new Map<string, KnownEntry>();
  const columns: Columns = {
    series: [],
    values: [],
    timestampsMs: [],
    exemplars: new Map(),
    seen: new Set(),
  };
  for (const [key, entry] of Object.entries(hashMap)) {
    const found = before?.get(key);
    const shown =
      found && stillHolds(found, name, entry.labels, context.defaults)
        ? found
        : nameEntry(metric, name, entry.labels, context);
    known.set(key, shown);
    if (metric.type === "histogram") addHistogram(columns, shown.series, metric, entry);
    else if (metric.type === "summary") addSummary(columns, shown.series, metric, entry);
    else add(columns, shown.series[0]!, entry.value, openMetrics ? entry.exemplar : null);
  }
  memory.known.set(metric, known);
  const { series, values, timestampsMs, exemplars } = columns;
  const type = familyTypes[metric.type] ?? "unknown";
  const family = { name, type, help: metric.help, unit: "", series, values, timestampsMs };
  return exemplars.size > 0 ? { ...family, exemplars } : family;
}

/** Keys of the map are ambiguous where a label's value looks like more labels. */
function stillHolds(found: KnownEntry, name: string, labels: LabelBag, defaults: LabelBag): boolean {
  if (found.name !== name || found.defaults !== defaults) return false;
  let count = 0;
  for (const label in labels) {
    if (found.labels[label] !== labels[label]) return false;
    count++;
  }
  for (const _ in found.labels) count--;
  return count === 0;
}

function nameEntry(
  metric: Metric,
  name: string,
  labels: LabelBag,
  { defaults, memory }: GatherContext,
): KnownEntry {
  const named = (sample: string, own: LabelBag = {}) =>
    memory.dictionary.intern(sample, labelList({ ...defaults, ...own, ...labels }));
  return { name, defaults, labels: { ...labels }, series: seriesOf(metric, name, named) };
}

function seriesOf(
  { type, upperBounds = [], percentiles = [] }: Metric,
  name: string,
  named: (sample: string, own?: LabelBag) => Series,
): readonly Series[] {
  switch (type) {
    case "histogram":
      return [
        ...upperBounds.map((le) => named(`${name}_bucket`, { le })),
        named(`${name}_bucket`, { le: "+Inf" }),
        named(`${name}_sum`),
        named(`${name}_count`),
      ];
    case "summary":
      return [
        ...percentiles.map((quantile) => named(name, { quantile })),
        named(`${name}_sum`),
        named(`${name}_count`),
      ];
    default:
      return [named(name)];
  }
}

const familyTypes: Readonly<Record<string, MetricType>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
};

function addHistogram(columns: Columns, series: readonly Series[], metric: Metric, entry: Entry): void {
  const { upperBounds = [] } = metric;
  const { bucketExemplars } = entry;
  let cumulative = 0;
  for (let i = 0; i < upperBounds.length; i++) {
    const bound = upperBounds[i]!;
    cumulative += entry.bucketValues[bound] ?? 0;
    add(columns, series[i]!, cumulative, bucketExemplars?.[bound]);
  }
  const rest = upperBounds.length;
  add(columns, series[rest]!, entry.count, bucketExemplars?.["-1"]);
  add(columns, series[rest + 1]!, entry.sum);
  add(columns, series[rest + 2]!, entry.count);
}

function addSummary(columns: Columns, series: readonly Series[], metric: Metric, entry: Entry): void {
  if (metric.pruneAgedBuckets && entry.td.size() === 0) return;
  const { percentiles = [] } = metric;
  entry.td.compress();
  for (let i = 0; i < percentiles.length; i++) {
    add(columns, series[i]!, entry.td.percentile(percentiles[i]!) || 0);
  }
  add(columns, series[percentiles.length]!, entry.sum);
  add(columns, series[percentiles.length + 1]!, entry.count);
}

function add(columns: Columns, series: Series, value: number, exemplar?: PromExemplar | null): void {
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
}

function labelList(bag: LabelBag): readonly Label[] {
  return Object.entries(bag).map(([name, value]) => ({ name, value: String(value) }));
}
