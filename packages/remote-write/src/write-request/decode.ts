import type { EpochMs, Exemplar, FamilyMetadata, Label, SampleValue } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
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
import { readFields, readMessage } from "../protobuf/messages.ts";
import { METRIC_TYPES } from "../protobuf/metric-types.ts";
import { readSample, readTimestamp, type SampleColumns } from "../protobuf/sample.ts";
import { MESSAGE_V2, SYMBOL as SYMBOL_V2, TIME_SERIES as TIME_SERIES_V2 } from "../request-v2/schema.ts";
import * as schema from "./schema.ts";

/** A time series as it stands on the wire: nothing is sorted, checked or left out. */
export interface DecodedSeries {
  /** `__name__` included. */
  readonly labels: readonly Label[];
  readonly timestampsMs: readonly EpochMs[];
  /** As many as timestamps, in the order of their fields; `null` is a stale marker. */
  readonly values: readonly SampleValue[];
  /** How many of the values were native histograms, stale markers of histograms among them. */
  readonly histogramCount: number;
  readonly exemplars: readonly Exemplar[];
  /** By row, where the sender said so (2.0). */
  readonly startsMs?: ReadonlyMap<number, EpochMs>;
}

export interface DecodedWriteRequest {
  readonly series: readonly DecodedSeries[];
  /** Not part of the specification, sent by Prometheus; usually in requests of its own. */
  readonly metadata: readonly FamilyMetadata[];
  /** Native histograms and stale markers among them. */
  readonly sampleCount: number;
}

/**
 * Reads a WriteRequest message of remote write 1.0, not compressed.
 *
 * No length in it is believed: a message ends inside the one around it, and what is kept is bounded
 * by `limits`, not by what the bytes claim. Unknown fields are skipped, of a repeated scalar the
 * last one counts. Names and values must be UTF-8. A message that holds nothing but what 2.0 would is
 * refused, where 1.0 would find it empty.
 *
 * @throws {DecodeError} `ERR_DECODE_PROTOBUF` or `ERR_DECODE_TOO_LARGE`.
 */
export function decodeWriteRequest(
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
): DecodedWriteRequest {
  const budget = openBudget(bytes, limits);
  const series: DecodedSeries[] = [];
  const metadata: FamilyMetadata[] = [];
  let ofV2 = false;
  const reader = new protobuf.Reader(bytes);
  try {
    readFields(reader, bytes.length, (tag) => {
      if (tag === schema.TIME_SERIES) {
        if (series.length === budget.limits.maxSeries) throw tooMuch("series", series.length);
        series.push(readSeries(reader, budget));
        return true;
      }
      if (tag === schema.METADATA) {
        if (metadata.length === budget.limits.maxSeries) throw tooMuch("metadata entries", metadata.length);
        metadata.push(readMetadata(reader));
        return true;
      }
      if (tag === SYMBOL_V2 || tag === TIME_SERIES_V2) ofV2 = true;
      return false;
    });
  } catch (cause) {
    throw asDecodeError(cause, "WriteRequest", reader.pos);
  }
  if (ofV2 && series.length === 0 && metadata.length === 0) {
    throw malformed("WriteRequest", `it is ${MESSAGE_V2} of 2.0, which the content type has to name`);
  }
  return { series, metadata, sampleCount: budget.samples };
}

function readSeries(reader: protobuf.Reader, budget: DecodeBudget): DecodedSeries {
  const labels: Label[] = [];
  const columns: SampleColumns = { timestampsMs: [], values: [] };
  const exemplars: Exemplar[] = [];
  let histogramCount = 0;
  readMessage(reader, (tag) => {
    if (tag === schema.SAMPLE) {
      takeSample(budget);
      readSample(reader, columns);
    } else if (tag === schema.LABEL) labels.push(readLabel(reader, budget));
    else if (tag === schema.HISTOGRAM) {
      takeSample(budget);
      histogramCount++;
      readHistogram(reader, columns, budget);
    } else if (tag === schema.EXEMPLAR) {
      takeSample(budget, "exemplars");
      exemplars.push(readExemplar(reader, budget));
    } else return false;
    return true;
  });
  return { labels, ...columns, histogramCount, exemplars };
}

function readExemplar(reader: protobuf.Reader, budget: DecodeBudget): Exemplar {
  const labels: Label[] = [];
  let value = 0;
  let timestampMs = 0;
  readMessage(reader, (tag) => {
    if (tag === schema.LABEL) labels.push(readLabel(reader, budget));
    else if (tag === EXEMPLAR_VALUE) value = reader.double();
    else if (tag === EXEMPLAR_TIMESTAMP) timestampMs = readTimestamp(reader);
    else return false;
    return true;
  });
  return { labels, value, timestampMs };
}

function readLabel(reader: protobuf.Reader, budget: DecodeBudget): Label {
  if (++budget.labels > budget.limits.maxLabels) throw tooMuch("labels", budget.limits.maxLabels);
  let name = "";
  let value = "";
  readMessage(reader, (tag) => {
    if (tag === schema.LABEL_NAME) name = reader.stringVerify();
    else if (tag === schema.LABEL_VALUE) value = reader.stringVerify();
    else return false;
    return true;
  });
  return { name, value };
}

function readMetadata(reader: protobuf.Reader): FamilyMetadata {
  let type: FamilyMetadata["type"] = "unknown";
  let name = "";
  let help = "";
  let unit = "";
  readMessage(reader, (tag) => {
    if (tag === schema.METADATA_TYPE) type = METRIC_TYPES[reader.uint32()] ?? "unknown";
    else if (tag === schema.METADATA_NAME) name = reader.stringVerify();
    else if (tag === schema.METADATA_HELP) help = reader.stringVerify();
    else if (tag === schema.METADATA_UNIT) unit = reader.stringVerify();
    else return false;
    return true;
  });
  return { name, type, help, unit };
}
