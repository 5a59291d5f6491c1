import {
  type EpochMs,
  type Exemplar,
  type Label,
  type MetricFamily,
  type MetricType,
  type NativeHistogram,
  nativeHistogramProblem,
  type Series,
  type SeriesDictionary,
} from "@promferry/core/series";
import { defaultParseLimits, formatCanonical, type ParseLimits } from "@promferry/core/text-format";
import {
  createMetricReader,
  field,
  type WireHistogram,
  type WireMetric,
  type WireSide,
} from "./protobuf-metric.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

export interface ParseProtobufOptions {
  /** Interns the series. */
  readonly dictionary: SeriesDictionary;
  /**
   * As of a text page: `maxSeries` are samples of one page, a native histogram being one, and exemplars, quantiles and
   * buckets; `maxLineBytes` is the longest help, unit or value of a label. Default `defaultParseLimits`.
   */
  readonly limits?: Partial<ParseLimits>;
  /** Spans and buckets of native histograms. Default 4 000 000. */
  readonly maxBuckets?: number;
}

/** By number. */
const TYPES: readonly MetricType[] = [
  "counter",
  "gauge",
  "summary",
  "unknown",
  "histogram",
  "gaugehistogram",
];

/**
 * Reads a page of the protobuf exposition, `io.prometheus.client.MetricFamily` after MetricFamily, each behind its
 * length.
 *
 * As Prometheus reads it with native histograms on and `always_scrape_classic_histograms` off: a histogram with spans or a zero
 * bucket is native, and its classic buckets are passed over; a classic one gets the `+Inf` bucket that it lacks. Of
 * a native histogram only exemplars with a timestamp count, its own or else those of its classic buckets. Families without metrics
 * are left out. A time of 0 is none.
 *
 * Names may hold any characters. An unknown type, a unit that is no part of its metric's name, a label that stands twice and a
 * native histogram with a `nativeHistogramProblem` refuse the page.
 *
 * @throws {ProtobufError} Says at which byte, and what is wrong.
 */
export function parseProtobuf(bytes: Uint8Array, options: ParseProtobufOptions): readonly MetricFamily[] {
  const { dictionary, maxBuckets = 4_000_000 } = options;
  const reader = new ProtobufReader(bytes);
  const {
    maxLineBytes: maxTextBytes,
    maxNameBytes,
    maxLabels,
    maxSeries,
  } = {
    ...defaultParseLimits,
    ...options.limits,
  };
  const readMetric = createMetricReader(reader, {
    maxTextBytes,
    maxNameBytes,
    maxLabels,
    maxBuckets,
    maxParts: maxSeries,
  });
  const families: MetricFamily[] = [];
  let sampleCount = 0;
  while (reader.more) {
    let name = "";
    let help = "";
    let unit = "";
    let typeNumber = 0;
    const metrics: WireMetric[] = [];
    reader.message((tag) => {
      if (tag === field(1, 2)) name = reader.string(maxNameBytes);
      else if (tag === field(2, 2)) help = reader.string(maxTextBytes);
      else if (tag === field(3, 0)) typeNumber = reader.int();
      else if (tag === field(4, 2)) {
        if (metrics.length + sampleCount >= maxSeries) reader.fail(`more than ${maxSeries} series`);
        metrics.push(readMetric());
      } else if (tag === field(5, 2)) unit = reader.string(maxTextBytes);
      else return false;
      return true;
    });
    if (metrics.length === 0) continue;
    const type = TYPES[typeNumber];
    if (name === "") reader.fail("a family has no name");
    if (type === undefined) return reader.fail(`${JSON.stringify(name)} has the unknown type ${typeNumber}`);
    checkUnit(reader, name, type, unit);
    const rows = createRows(dictionary, reader);
    for (const metric of metrics) addMetric(rows, name, type, metric);
    sampleCount += rows.series.length;
    if (sampleCount > maxSeries) reader.fail(`more than ${maxSeries} series`);
    families.push(rows.family({ name, type, help, unit }));
  }
  return families;
}

function checkUnit(reader: ProtobufReader, name: string, type: MetricType, unit: string): void {
  if (unit === "") return;
  const base = type === "counter" && name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
  if (!base.endsWith(`_${unit}`))
    reader.fail(`${JSON.stringify(unit)} is no unit of ${JSON.stringify(name)}`);
}

interface Rows {
  readonly series: Series[];
  add(sample: {
    readonly name: string;
    readonly labels: readonly Label[];
    readonly value: number | NativeHistogram;
    readonly metric: WireMetric;
    readonly exemplars?: readonly Exemplar[];
  }): void;
  family(metadata: Pick<MetricFamily, "name" | "type" | "help" | "unit">): MetricFamily;
  fail(reason: string): never;
}

function createRows(dictionary: SeriesDictionary, reader: ProtobufReader): Rows {
  const series: Series[] = [];
  const values: number[] = [];
  const timestampsMs: number[] = [];
  const special = new Map<number, NativeHistogram>();
  const exemplars = new Map<number, readonly Exemplar[]>();
  const startsMs = new Map<number, EpochMs>();
  return {
    series,
    add({ name, labels, value, metric, exemplars: shown = [] }) {
      const row = series.length;
      series.push(dictionary.intern(name, labels));
      values.push(typeof value === "number" ? value : Number.NaN);
      timestampsMs.push(metric.timestampMs === 0 ? Number.NaN : metric.timestampMs);
      if (typeof value !== "number") special.set(row, value);
      if (shown.length > 0) exemplars.set(row, shown);
      const { startMs } = metric;
      if (startMs !== undefined && startMs > 0) startsMs.set(row, startMs);
    },
    family: (metadata) => ({
      ...metadata,
      series,
      values,
      timestampsMs,
      ...(special.size > 0 && { special }),
      ...(exemplars.size > 0 && { exemplars }),
      ...(startsMs.size > 0 && { startsMs }),
    }),
    fail: (reason) => reader.fail(reason),
  };
}

function addMetric(rows: Rows, name: string, type: MetricType, metric: WireMetric): void {
  const { labels, value, exemplar, summary, histogram } = metric;
  switch (type) {
    case "summary": {
      const { count = 0, sum = 0, quantiles = [] } = summary ?? {};
      rows.add({ name: `${name}_count`, labels, value: count, metric });
      rows.add({ name: `${name}_sum`, labels, value: sum, metric });
      for (const each of quantiles) {
        const own = withLabel(rows, labels, "quantile", each.quantile);
        rows.add({ name, labels: own, value: each.value, metric });
      }
      return;
    }
    case "histogram":
    case "gaugehistogram":
      if (histogram && isNative(histogram)) addNative(rows, name, type, metric, histogram);
      else addClassic(rows, name, metric, histogram);
      return;
    default:
      rows.add({
        name,
        labels,
        value,
        metric,
        ...(type === "counter" && exemplar && { exemplars: [exemplar] }),
      });
  }
}

function isNative({ positive, negative, zeroThreshold, zeroCount }: WireHistogram): boolean {
  return positive.spans.length + negative.spans.length > 0 || zeroThreshold > 0 || zeroCount > 0;
}

function addNative(
  rows: Rows,
  name: string,
  type: MetricType,
  metric: WireMetric,
  wire: WireHistogram,
): void {
  const integer = !(wire.countFloat > 0 || wire.zeroCountFloat > 0);
  const histogram: NativeHistogram = {
    schema: wire.schema,
    integer,
    count: integer ? wire.count : wire.countFloat,
    sum: wire.sum,
    zeroThreshold: wire.zeroThreshold,
    zeroCount: integer ? wire.zeroCount : wire.zeroCountFloat,
    positiveSpans: wire.positive.spans,
    positiveCounts: countsOf(wire.positive, integer),
    negativeSpans: wire.negative.spans,
    negativeCounts: countsOf(wire.negative, integer),
    customBounds: [],
    resetHint: type === "gaugehistogram" ? "gauge" : "unknown",
  };
  const problem = nativeHistogramProblem(histogram);
  if (problem !== undefined) rows.fail(`${JSON.stringify(name)} is a native histogram with ${problem}`);
  const own =
    wire.exemplars.length > 0
      ? wire.exemplars
      : wire.buckets.flatMap(({ exemplar }) => (exemplar ? [exemplar] : []));
  const exemplars = own.filter(({ timestampMs }) => !Number.isNaN(timestampMs));
  rows.add({ name, labels: metric.labels, value: histogram, metric, exemplars });
}

function countsOf({ deltas, counts }: WireSide, integer: boolean): readonly number[] {
  if (!integer) return counts;
  let count = 0;
  return deltas.map((delta) => {
    count += delta;
    return count;
  });
}

function addClassic(
  rows: Rows,
  name: string,
  metric: WireMetric,
  { count = 0, countFloat = 0, sum = 0, buckets = [] }: Partial<WireHistogram> = {},
): void {
  const { labels } = metric;
  const total = countFloat || count;
  rows.add({ name: `${name}_count`, labels, value: total, metric });
  rows.add({ name: `${name}_sum`, labels, value: sum, metric });
  const infinite = { count: total, bound: Number.POSITIVE_INFINITY, exemplar: undefined };
  const isWhole = buckets.at(-1)?.bound === Number.POSITIVE_INFINITY;
  for (const each of isWhole ? buckets : [...buckets, infinite]) {
    rows.add({
      name: `${name}_bucket`,
      labels: withLabel(rows, labels, "le", each.bound),
      value: each.count,
      metric,
      ...(each.exemplar && { exemplars: [each.exemplar] }),
    });
  }
}

function withLabel(rows: Rows, labels: readonly Label[], name: string, bound: number): readonly Label[] {
  if (labels.some((label) => label.name === name))
    rows.fail(`the label ${JSON.stringify(name)} stands twice`);
  return [...labels, { name, value: formatCanonical(bound) }];
}
