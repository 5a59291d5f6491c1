/**
 * The messages below a MetricFamily of the protobuf exposition, as far as they are read.
 *
 * @see https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 */
import type { BucketSpan, EpochMs, Exemplar, Label } from "@promferry/core/series";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** What one page may hold besides its series. */
export interface MetricLimits {
  /** Bytes of a label value, a help text or a unit. */
  readonly maxTextBytes: number;
  readonly maxNameBytes: number;
  /** Labels of one metric or exemplar. */
  readonly maxLabels: number;
  /** Spans and buckets of native histograms, over the whole page. */
  readonly maxBuckets: number;
  /** Quantiles, classic buckets and exemplars, over the whole page. */
  readonly maxParts: number;
}

export interface WireMetric {
  readonly labels: readonly Label[];
  /** 0: none. */
  readonly timestampMs: EpochMs;
  /** Of a counter, gauge or untyped metric. */
  readonly value: number;
  readonly exemplar: Exemplar | undefined;
  readonly startMs: EpochMs | undefined;
  readonly summary: WireSummary | undefined;
  readonly histogram: WireHistogram | undefined;
}

export interface WireSummary {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
}

export interface WireHistogram {
  readonly count: number;
  readonly countFloat: number;
  readonly sum: number;
  readonly buckets: readonly WireBucket[];
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly zeroCountFloat: number;
  readonly positive: WireSide;
  readonly negative: WireSide;
  readonly exemplars: readonly Exemplar[];
}

export interface WireBucket {
  readonly count: number;
  readonly bound: number;
  readonly exemplar: Exemplar | undefined;
}

/** The buckets of one sign: whole counts as differences, floats as they are. */
export interface WireSide {
  readonly spans: BucketSpan[];
  readonly deltas: number[];
  readonly counts: number[];
}

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;

/** A reader of metrics that counts their buckets together. */
export function createMetricReader(reader: ProtobufReader, limits: MetricLimits): () => WireMetric {
  let bucketCount = 0;

  function takeBucket(): void {
    if (++bucketCount > limits.maxBuckets) reader.fail(`more than ${limits.maxBuckets} buckets`);
  }

  let partCount = 0;

  /** Bounds what a page can make of few bytes. */
  function takePart(): void {
    if (++partCount > limits.maxParts)
      reader.fail(`more than ${limits.maxParts} quantiles, buckets and exemplars`);
  }

  function readLabel(labels: Label[]): void {
    if (labels.length >= limits.maxLabels) reader.fail(`more than ${limits.maxLabels} labels`);
    let name = "";
    let value = "";
    reader.message((tag) => {
      if (tag === field(1, BYTES)) name = reader.string(limits.maxNameBytes);
      else if (tag === field(2, BYTES)) value = reader.string(limits.maxTextBytes);
      else return false;
      return true;
    });
    if (name === "") reader.fail("a label has no name");
    if (labels.some((label) => label.name === name))
      reader.fail(`the label ${JSON.stringify(name)} stands twice`);
    labels.push({ name, value });
  }

  function readTimestamp(): EpochMs {
    let seconds = 0;
    let nanos = 0;
    reader.message((tag) => {
      if (tag === field(1, VARINT)) seconds = reader.int();
      else if (tag === field(2, VARINT)) nanos = reader.int();
      else return false;
      return true;
    });
    return seconds * 1000 + Math.trunc(nanos / 1e6);
  }

  function readExemplar(): Exemplar {
    takePart();
    const labels: Label[] = [];
    let value = 0;
    let timestampMs = Number.NaN;
    reader.message((tag) => {
      if (tag === field(1, BYTES)) readLabel(labels);
      else if (tag === field(2, DOUBLE)) value = reader.double();
      else if (tag === field(3, BYTES)) timestampMs = readTimestamp();
      else return false;
      return true;
    });
    return { labels, value, timestampMs };
  }

  /** A counter, gauge or untyped metric: the first two fields of the counter are all that there is. */
  function readNumber(into: Draft): void {
    reader.message((tag) => {
      if (tag === field(1, DOUBLE)) into.value = reader.double();
      else if (tag === field(2, BYTES)) into.exemplar = readExemplar();
      else if (tag === field(3, BYTES)) into.startMs = readTimestamp();
      else return false;
      return true;
    });
  }

  function readSummary(into: Draft): WireSummary {
    let count = 0;
    let sum = 0;
    const quantiles: { quantile: number; value: number }[] = [];
    reader.message((tag) => {
      if (tag === field(1, VARINT)) count = reader.varint();
      else if (tag === field(2, DOUBLE)) sum = reader.double();
      else if (tag === field(3, BYTES)) quantiles.push(readQuantile());
      else if (tag === field(4, BYTES)) into.startMs = readTimestamp();
      else return false;
      return true;
    });
    return { count, sum, quantiles };
  }

  function readQuantile(): { quantile: number; value: number } {
    takePart();
    let quantile = 0;
    let value = 0;
    reader.message((tag) => {
      if (tag === field(1, DOUBLE)) quantile = reader.double();
      else if (tag === field(2, DOUBLE)) value = reader.double();
      else return false;
      return true;
    });
    return { quantile, value };
  }

  function readBucket(): WireBucket {
    takePart();
    let count = 0;
    let countFloat = 0;
    let bound = 0;
    let exemplar: Exemplar | undefined;
    reader.message((tag) => {
      if (tag === field(1, VARINT)) count = reader.varint();
      else if (tag === field(2, DOUBLE)) bound = reader.double();
      else if (tag === field(3, BYTES)) exemplar = readExemplar();
      else if (tag === field(4, DOUBLE)) countFloat = reader.double();
      else return false;
      return true;
    });
    return { count: countFloat || count, bound, exemplar };
  }

  function readHistogram(into: Draft): WireHistogram {
    const histogram = {
      count: 0,
      countFloat: 0,
      sum: 0,
      buckets: [] as WireBucket[],
      schema: 0,
      zeroThreshold: 0,
      zeroCount: 0,
      zeroCountFloat: 0,
      negative: openSide(),
      positive: openSide(),
      exemplars: [] as Exemplar[],
    };
    reader.message((tag) => {
      if (tag === field(1, VARINT)) histogram.count = reader.varint();
      else if (tag === field(2, DOUBLE)) histogram.sum = reader.double();
      else if (tag === field(3, BYTES)) histogram.buckets.push(readBucket());
      else if (tag === field(4, DOUBLE)) histogram.countFloat = reader.double();
      else if (tag === field(5, VARINT)) histogram.schema = reader.sint();
      else if (tag === field(6, DOUBLE)) histogram.zeroThreshold = reader.double();
      else if (tag === field(7, VARINT)) histogram.zeroCount = reader.varint();
      else if (tag === field(8, DOUBLE)) histogram.zeroCountFloat = reader.double();
      else if (tag === field(15, BYTES)) into.startMs = readTimestamp();
      else if (tag === field(16, BYTES)) histogram.exemplars.push(readExemplar());
      else return readSide(tag, 9, histogram.negative) || readSide(tag, 12, histogram.positive);
      return true;
    });
    return histogram;
  }

  /** Spans, differences and counts of one sign stand in three fields, one after the other. */
  function readSide(tag: number, first: number, side: WireSide): boolean {
    if (tag === field(first, BYTES)) {
      takeBucket();
      side.spans.push(readSpan());
    } else if (tag === field(first + 1, VARINT) || tag === field(first + 1, BYTES)) {
      reader.numbers(tag & 7, () => {
        takeBucket();
        side.deltas.push(reader.sint());
      });
    } else if (tag === field(first + 2, DOUBLE) || tag === field(first + 2, BYTES)) {
      reader.numbers(tag & 7, () => {
        takeBucket();
        side.counts.push(reader.double());
      });
    } else return false;
    return true;
  }

  function readSpan(): BucketSpan {
    let offset = 0;
    let length = 0;
    reader.message((tag) => {
      if (tag === field(1, VARINT)) offset = reader.sint();
      else if (tag === field(2, VARINT)) length = reader.varint();
      else return false;
      return true;
    });
    return { offset, length };
  }

  return () => {
    const labels: Label[] = [];
    const draft: Draft = { value: 0, exemplar: undefined, startMs: undefined };
    let timestampMs = 0;
    let summary: WireSummary | undefined;
    let histogram: WireHistogram | undefined;
    reader.message((tag) => {
      if (tag === field(1, BYTES)) readLabel(labels);
      else if (tag === field(2, BYTES) || tag === field(3, BYTES) || tag === field(5, BYTES))
        readNumber(draft);
      else if (tag === field(4, BYTES)) summary = readSummary(draft);
      else if (tag === field(6, VARINT)) timestampMs = reader.int();
      else if (tag === field(7, BYTES)) histogram = readHistogram(draft);
      else return false;
      return true;
    });
    return { labels, timestampMs, ...draft, summary, histogram };
  };
}

interface Draft {
  value: number;
  exemplar: Exemplar | undefined;
  startMs: EpochMs | undefined;
}

function openSide(): WireSide {
  return { spans: [], deltas: [], counts: [] };
}

/** The tag of a field. */
export function field(number: number, wireType: number): number {
  return (number << 3) | wireType;
}
