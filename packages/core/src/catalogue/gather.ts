import type { Exemplar, Label, MetricFamily, MetricType, Series } from "../series/index.ts";
import { createSeriesDictionary, renewedDictionary, type SeriesDictionary } from "../series/index.ts";

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
  /** Makes gathering one registry again several times faster, and gives the same series objects. Default: nothing is remembered. */
  readonly memory?: GatherMemory;
  /** Whether to call the metrics' own `collect` functions first. Default true. */
  readonly collect?: boolean;
}

/** One entry of a metric's map. */
interface KnownEntry {
  /** As they were when the series were made; a copy, since whoever set them may reuse the object. */
  readonly labels: LabelBag;
  /** The series in the order in which they are shown. */
  readonly series: readonly Series[];
}

/** What a metric had when it was last gathered. */
interface KnownMetric {
  readonly name: string;
  readonly defaults: LabelBag;
  /** By key of its map, in order. */
  readonly entries: ReadonlyMap<string, KnownEntry>;
  readonly order: readonly KnownEntry[];
  /** Those of all entries, each once. */
  readonly series: readonly Series[];
  /** As many as there are series. */
  readonly timestampsMs: readonly number[];
  /** As many as there are values before twins are left out. */
  readonly zeros: readonly number[];
  /** Rows that stay; undefined where no series stands twice. */
  readonly kept: readonly number[] | undefined;
  /** How `bucketValues` names the bounds. */
  readonly bounds: readonly string[];
}

/** What is remembered from one gathering to the next. Entries that are gone are forgotten. */
export interface GatherMemory {
  dictionary: SeriesDictionary;
  known: WeakMap<object, KnownMetric>;
}

/** The dictionary begins anew when most of what it holds is gone; equal series are other objects from then on. */
export function createGatherMemory(): GatherMemory {
  return { dictionary: createSeriesDictionary(), known: new WeakMap() };
}

function forgetGone(memory: GatherMemory, families: readonly MetricFamily[]): void {
  const present = families.reduce((sum, { series }) => sum + series.length, 0);
  const dictionary = renewedDictionary(memory.dictionary, present);
  if (dictionary === memory.dictionary) return;
  memory.dictionary = dictionary;
  memory.known = new WeakMap();
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
  const { collect = true } = options;
  const memory = options.memory ?? createGatherMemory();
  const metrics = registry.getMetricsAsArray() as readonly Metric[];
  if (collect) for (const metric of metrics) if (metric.collect) void runCollect(metric);
  const defaults = (registry as { _defaultLabels?: LabelBag })._defaultLabels ?? {};
  const openMetrics = registry.contentType.startsWith("application/openmetrics-text");
  const context = { defaults, openMetrics, memory };
  const families = metrics.map((metric) => gatherMetric(metric, context));
  forgetGone(memory, families);
  return families;
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

function gatherMetric(metric: Metric, context: GatherContext): MetricFamily {
  const { hashMap } = metric;
  const { openMetrics } = context;
  if (typeof hashMap !== "object") {
    throw new TypeError(
      `metric ${JSON.stringify(metric.name)}: expected a metric of prom-client 15, found no value map`,
    );
  }
  const name =
    openMetrics && metric.type === "counter" ? `${metric.name.replace(/_total$/, "")}_total` : metric.name;
  let entries = Object.values(hashMap);
  if (metric.pruneAgedBuckets) entries = entries.filter((entry) => !isPruned(metric, entry));
  let known = context.memory.known.get(metric);
  if (known === undefined || !stillHolds(known, name, entries, context.defaults)) {
    known = nameMetric(metric, hashMap, name, known, context);
    context.memory.known.set(metric, known);
  }
  const { series, timestampsMs, kept } = known;
  const all = known.zeros.slice();
  let row = 0;
  for (const entry of entries) row = readEntry(all, row, metric, entry, known.bounds);
  const values = kept === undefined ? all : kept.map((each) => all[each]!);
  const type = familyTypes[metric.type] ?? "unknown";
  const family = { name, type, help: metric.help, unit: "", series, values, timestampsMs };
  const exemplars = openMetrics ? exemplarsOf(metric, entries, known) : NO_EXEMPLARS;
  return exemplars.size > 0 ? { ...family, exemplars } : family;
}

function isPruned(metric: Metric, entry: Entry): boolean {
  return metric.type === "summary" && metric.pruneAgedBuckets === true && entry.td.size() === 0;
}

function stillHolds(
  known: KnownMetric,
  name: string,
  entries: readonly Entry[],
  defaults: LabelBag,
): boolean {
  const { order } = known;
  if (known.name !== name || known.defaults !== defaults || order.length !== entries.length) return false;
  for (let i = 0; i < order.length; i++) if (!hasLabels(order[i]!.labels, entries[i]!.labels)) return false;
  return true;
}

function hasLabels(known: LabelBag, labels: LabelBag): boolean {
  let count = 0;
  for (const label in labels) {
    if (known[label] !== labels[label]) return false;
    count++;
  }
  for (const _ in known) count--;
  return count === 0;
}

/** Keys of the map are ambiguous where a label's value looks like more labels, so that labels decide. */
function nameMetric(
  metric: Metric,
  hashMap: Readonly<Record<string, Entry>>,
  name: string,
  before: KnownMetric | undefined,
  { defaults, memory }: GatherContext,
): KnownMetric {
  const isSame = before?.name === name && before.defaults === defaults;
  const entries = new Map<string, KnownEntry>();
  for (const [key, entry] of Object.entries(hashMap)) {
    if (isPruned(metric, entry)) continue;
    const { labels } = entry;
    const found = isSame ? before.entries.get(key) : undefined;
    const named = (sample: string, own: LabelBag = {}) =>
      memory.dictionary.intern(sample, labelList({ ...defaults, ...own, ...labels }));
    const isKnown = found !== undefined && hasLabels(found.labels, labels);
    entries.set(key, isKnown ? found : { labels: { ...labels }, series: seriesOf(metric, name, named) });
  }
  const order = [...entries.values()];
  const all = order.flatMap((entry) => entry.series);
  const rows = new Map<Series, number>();
  for (const [row, series] of all.entries()) if (!rows.has(series)) rows.set(series, row);
  return {
    name,
    defaults,
    entries,
    order,
    series: [...rows.keys()],
    timestampsMs: Array.from(rows, () => Number.NaN),
    zeros: all.map(() => 0.5),
    kept: rows.size === all.length ? undefined : [...rows.values()],
    bounds: (metric.upperBounds ?? []).map(String),
  };
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

/** Puts the entry's values into the rows of its series; gives the row behind them. */
function readEntry(
  values: number[],
  row: number,
  metric: Metric,
  entry: Entry,
  bounds: readonly string[],
): number {
  let at = row;
  if (metric.type === "histogram") {
    const { bucketValues } = entry;
    let cumulative = 0;
    for (let i = 0; i < bounds.length; i++) {
      cumulative += bucketValues[bounds[i]!] ?? 0;
      values[at++] = cumulative;
    }
    values[at++] = entry.count;
  } else if (metric.type === "summary") {
    entry.td.compress();
    for (const quantile of metric.percentiles ?? []) values[at++] = entry.td.percentile(quantile) || 0;
  } else {
    values[at++] = entry.value;
    return at;
  }
  values[at++] = entry.sum;
  values[at++] = entry.count;
  return at;
}

const NO_EXEMPLARS: ReadonlyMap<number, readonly Exemplar[]> = new Map();

/** By row. */
function exemplarsOf(
  metric: Metric,
  entries: readonly Entry[],
  { order, kept }: KnownMetric,
): ReadonlyMap<number, readonly Exemplar[]> {
  const exemplars = new Map<number, readonly Exemplar[]>();
  let first = 0;
  for (const [i, entry] of entries.entries()) {
    const shown =
      metric.type === "histogram"
        ? [...(metric.upperBounds ?? []), -1].map((bound) => entry.bucketExemplars?.[bound])
        : [entry.exemplar];
    for (const [k, exemplar] of shown.entries()) {
      const row = kept === undefined ? first + k : kept.indexOf(first + k);
      if (exemplar && row >= 0) exemplars.set(row, [exemplarOf(exemplar)]);
    }
    first += order[i]!.series.length;
  }
  return exemplars;
}

function exemplarOf({ labelSet, value, timestamp }: PromExemplar): Exemplar {
  return { labels: labelList(labelSet), value, timestampMs: Math.round(timestamp * 1000) };
}

function labelList(bag: LabelBag): readonly Label[] {
  return Object.entries(bag).map(([name, value]) => ({ name, value: String(value) }));
}
