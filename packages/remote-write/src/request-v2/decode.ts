import type { EpochMs, Label, MetricType } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
import type { DecodeError } from "../decode-error.ts";
import {
  asDecodeError,
  type DecodeBudget,
  type DecodeLimits,
  malformed,
  openBudget,
  takeSample,
  tooMuch,
} from "../protobuf/decode-budget.ts";
import { EXEMPLAR_TIMESTAMP, EXEMPLAR_VALUE } from "../protobuf/exemplar.ts";
import { readHistogram } from "../protobuf/histogram.ts";
import { readFields, readMessage, readPacked } from "../protobuf/messages.ts";
import { METRIC_TYPES } from "../protobuf/metric-types.ts";
import { readSample, readTimestamp, type SampleColumns } from "../protobuf/sample.ts";
import type { DecodedSeries } from "../write-request/decode.ts";
import * as schema from "./schema.ts";

/** A time series of 2.0 as it stands on the wire: nothing is sorted, checked or left out. */
export interface DecodedSeriesV2 extends DecodedSeries {
  readonly metadata: SeriesMetadata;
}

/** What a series of 2.0 says of its family, whose name it does not say. */
export interface SeriesMetadata {
  /** `unknown` where the sender left it out, or named a type of the future. */
  readonly type: MetricType;
  readonly help: string;
  readonly unit: string;
}

export interface DecodedRequestV2 {
  readonly series: readonly DecodedSeriesV2[];
  /** Native histograms and stale markers among them. */
  readonly sampleCount: number;
}

/**
 * Reads a message `io.prometheus.write.v2.Request` of remote write 2.0, not compressed.
 *
 * No length in it is believed, as in `decodeWriteRequest`. References are resolved and have to lie
 * inside the symbols table, in whatever order the fields came; the table has to begin with the empty
 * string. A start time at the series (up to rc.3) counts for each sample that has none of its own. A message
 * that holds nothing but what 1.0 would is refused.
 *
 * @throws {DecodeError} `ERR_DECODE_PROTOBUF` or `ERR_DECODE_TOO_LARGE`.
 */
export function decodeRequestV2(bytes: Uint8Array, limits: Partial<DecodeLimits> = {}): DecodedRequestV2 {
  const budget = openBudget(bytes, limits);
  const symbols: string[] = [];
  const raw: RawSeries[] = [];
  let ofV1 = false;
  const reader = new protobuf.Reader(bytes);
  try {
    readFields(reader, bytes.length, (tag) => {
      if (tag === schema.SYMBOL) {
        if (symbols.length === budget.limits.maxSymbols) throw tooMuch("symbols", symbols.length);
        symbols.push(reader.stringVerify());
        return true;
      }
      if (tag === schema.TIME_SERIES) {
        if (raw.length === budget.limits.maxSeries) throw tooMuch("series", raw.length);
        raw.push(readSeries(reader, budget));
        return true;
      }
      if (tag >>> 3 <= 3) ofV1 = true;
      return false;
    });
  } catch (cause) {
    throw asDecodeError(cause, schema.MESSAGE_V2, reader.pos);
  }
  if (ofV1 && symbols.length === 0 && raw.length === 0) {
    throw refuse("it is prometheus.WriteRequest of 1.0, whose content type is application/x-protobuf");
  }
  if (symbols.length > 0 && symbols[0] !== "") throw refuse("the first symbol is not the empty string");
  const series = raw.map((one) => resolve(one, symbols, budget));
  return { series, sampleCount: budget.samples };
}

interface RawExemplar {
  readonly refs: readonly number[];
  readonly value: number;
  readonly timestampMs: EpochMs;
}

interface RawSeries {
  readonly refs: readonly number[];
  readonly columns: SampleColumns;
  readonly histogramCount: number;
  readonly exemplars: readonly RawExemplar[];
  readonly type: MetricType;
  readonly helpRef: number;
  readonly unitRef: number;
}

function readSeries(reader: protobuf.Reader, budget: DecodeBudget): RawSeries {
  const refs: number[] = [];
  const columns: SampleColumns = { timestampsMs: [], values: [] };
  const exemplars: RawExemplar[] = [];
  let histogramCount = 0;
  let createdMs = 0;
  let type: MetricType = "unknown";
  let helpRef = 0;
  let unitRef = 0;

  readMessage(reader, (tag) => {
    if (tag === schema.SAMPLE) {
      takeSample(budget);
      readSample(reader, columns);
    } else if (tag === schema.HISTOGRAM) {
      takeSample(budget);
      histogramCount++;
      readHistogram(reader, columns, budget);
    } else if (tag === schema.EXEMPLAR) {
      takeSample(budget, "exemplars");
      exemplars.push(readExemplar(reader, budget));
    } else if (tag === schema.CREATED_TIMESTAMP) createdMs = readTimestamp(reader);
    else if (tag === schema.METADATA) {
      readMessage(reader, (field) => {
        if (field === schema.METADATA_TYPE) type = METRIC_TYPES[reader.uint32()] ?? "unknown";
        else if (field === schema.METADATA_HELP_REF) helpRef = reader.uint32();
        else if (field === schema.METADATA_UNIT_REF) unitRef = reader.uint32();
        else return false;
        return true;
      });
    } else return readRefs(reader, tag, refs, budget);
    return true;
  });
  if (createdMs > 0) {
    const rows = columns.values.keys();
    columns.startsMs = new Map(Array.from(rows, (row) => [row, columns.startsMs?.get(row) ?? createdMs]));
  }
  return { refs, columns, histogramCount, exemplars, type, helpRef, unitRef };
}

function readExemplar(reader: protobuf.Reader, budget: DecodeBudget): RawExemplar {
  const refs: number[] = [];
  let value = 0;
  let timestampMs = 0;
  readMessage(reader, (tag) => {
    if (tag === EXEMPLAR_VALUE) value = reader.double();
    else if (tag === EXEMPLAR_TIMESTAMP) timestampMs = readTimestamp(reader);
    else return readRefs(reader, tag, refs, budget);
    return true;
  });
  return { refs, value, timestampMs };
}

/** The field `labels_refs`, which a series and an exemplar have. */
function readRefs(reader: protobuf.Reader, tag: number, refs: number[], budget: DecodeBudget): boolean {
  const readRef = () => {
    if (refs.length % 2 === 0 && ++budget.labels > budget.limits.maxLabels) {
      throw tooMuch("labels", budget.limits.maxLabels);
    }
    refs.push(reader.uint32());
  };
  if (tag === schema.LABELS_REFS) readPacked(reader, readRef);
  else if (tag === schema.LABELS_REF) readRef();
  else return false;
  return true;
}

function resolve(raw: RawSeries, symbols: readonly string[], budget: DecodeBudget): DecodedSeriesV2 {
  const { columns, histogramCount, type } = raw;

  function symbol(ref: number, what: string): string {
    const text = symbols[ref];
    // Zero means that nothing is referred to, also where there is no table at all.
    if (text === undefined && ref === 0) return "";
    if (text === undefined) throw refuse(`${what} refers to symbol ${ref} of ${symbols.length}`);
    budget.text += text.length;
    if (budget.text > budget.limits.maxText) throw tooMuch("characters of text", budget.limits.maxText);
    return text;
  }

  function labelsOf(refs: readonly number[]): Label[] {
    if (refs.length % 2 === 1) throw refuse(`labels_refs holds ${refs.length} references, not pairs`);
    const labels: Label[] = [];
    for (let i = 0; i < refs.length; i += 2) {
      labels.push({ name: symbol(refs[i]!, "labels_refs"), value: symbol(refs[i + 1]!, "labels_refs") });
    }
    return labels;
  }

  const labels = labelsOf(raw.refs);
  const exemplars = raw.exemplars.map(({ refs, value, timestampMs }) => ({
    labels: labelsOf(refs),
    value,
    timestampMs,
  }));
  const metadata = { type, help: symbol(raw.helpRef, "help_ref"), unit: symbol(raw.unitRef, "unit_ref") };
  return { labels, ...columns, histogramCount, exemplars, metadata };
}

function refuse(what: string): DecodeError {
  return malformed(schema.MESSAGE_V2, what);
}
