import type { EpochMs, FamilyMetadata, Label, SampleValue } from "@promferry/core/series";
import protobuf from "protobufjs/minimal.js";
import { DecodeError } from "../decode-error.ts";
import * as schema from "./schema.ts";

/** What one request may hold. More than that is `ERR_DECODE_TOO_LARGE`. */
export interface DecodeLimits {
  /** Bytes of the message, not compressed. Default 33 554 432, the limit of Prometheus. */
  readonly maxBytes: number;
  /** Time series, and entries of metadata. Default 250 000. */
  readonly maxSeries: number;
  /** Samples over all series. Default 2 000 000. */
  readonly maxSamples: number;
  /** Labels over all series. Default 4 000 000. */
  readonly maxLabels: number;
}

/** A time series as it stands on the wire: nothing is sorted, checked or left out. */
export interface DecodedSeries {
  /** `__name__` included. */
  readonly labels: readonly Label[];
  readonly timestampsMs: readonly EpochMs[];
  /** As many as timestamps; `null` is a stale marker. */
  readonly values: readonly SampleValue[];
  /** Native histograms that stood there and were skipped. */
  readonly histogramCount: number;
  /** Exemplars that stood there and were skipped. */
  readonly exemplarCount: number;
}

export interface DecodedWriteRequest {
  readonly series: readonly DecodedSeries[];
  /** Not part of the specification, sent by Prometheus; usually in requests of its own. */
  readonly metadata: readonly FamilyMetadata[];
  readonly sampleCount: number;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxSeries: 250_000,
  maxSamples: 2_000_000,
  maxLabels: 4_000_000,
};

/**
 * Reads a WriteRequest message of remote write 1.0, not compressed.
 *
 * No length in it is believed: a message ends inside the one around it, and what is kept is bounded
 * by `limits`, not by what the bytes claim. Unknown fields are skipped, of a repeated scalar the
 * last one counts. Names and values must be UTF-8.
 *
 * @throws {DecodeError} `ERR_DECODE_PROTOBUF` or `ERR_DECODE_TOO_LARGE`.
 */
export function decodeWriteRequest(
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
): DecodedWriteRequest {
  const budget: Budget = { limits: { ...DEFAULT_DECODE_LIMITS, ...limits }, samples: 0, labels: 0 };
  if (bytes.length > budget.limits.maxBytes) throw tooMuch("bytes", budget.limits.maxBytes);
  const series: DecodedSeries[] = [];
  const metadata: FamilyMetadata[] = [];
  const reader = new protobuf.Reader(bytes);
  try {
    readFields(reader, bytes.length, (tag) => {
      if (tag === schema.TIME_SERIES) {
        if (series.length === budget.limits.maxSeries) throw tooMuch("series", series.length);
        series.push(readSeries(reader, budget));
      } else if (tag === schema.METADATA) {
        if (metadata.length === budget.limits.maxSeries) throw tooMuch("metadata entries", metadata.length);
        metadata.push(readMetadata(reader));
      } else return false;
      return true;
    });
  } catch (cause) {
    if (cause instanceof DecodeError) throw cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new DecodeError("ERR_DECODE_PROTOBUF", `no WriteRequest: ${what}, near byte ${reader.pos}`, {
      cause,
    });
  }
  return { series, metadata, sampleCount: budget.samples };
}

interface Budget {
  readonly limits: DecodeLimits;
  samples: number;
  labels: number;
}

/** Calls `read` with each tag up to `end`; a tag that it does not know, and returns false for, is skipped. */
function readFields(reader: protobuf.Reader, end: number, read: (tag: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.tag();
    if (!read(tag)) reader.skipType(tag & 7, undefined, tag >>> 3);
  }
  if (reader.pos !== end) throw new RangeError("a field reaches beyond its message");
}

/** The same for a message inside another one: no read passes its end. */
function readMessage(reader: protobuf.Reader, read: (tag: number) => boolean): void {
  const length = reader.size();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError("a message reaches beyond the one around it");
  const outer = reader.len;
  reader.len = end;
  readFields(reader, end, read);
  reader.len = outer;
}

function readSeries(reader: protobuf.Reader, budget: Budget): DecodedSeries {
  const labels: Label[] = [];
  const timestampsMs: EpochMs[] = [];
  const values: SampleValue[] = [];
  let histogramCount = 0;
  let exemplarCount = 0;
  readMessage(reader, (tag) => {
    if (tag === schema.SAMPLE) {
      if (++budget.samples > budget.limits.maxSamples) throw tooMuch("samples", budget.limits.maxSamples);
      readSample(reader, timestampsMs, values);
      return true;
    }
    if (tag === schema.LABEL) {
      if (++budget.labels > budget.limits.maxLabels) throw tooMuch("labels", budget.limits.maxLabels);
      labels.push(readLabel(reader));
      return true;
    }
    if (tag === schema.HISTOGRAM) histogramCount++;
    if (tag === schema.EXEMPLAR) exemplarCount++;
    return false;
  });
  return { labels, timestampsMs, values, histogramCount, exemplarCount };
}

function readLabel(reader: protobuf.Reader): Label {
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

function readSample(reader: protobuf.Reader, timestampsMs: EpochMs[], values: SampleValue[]): void {
  let value: SampleValue = 0;
  let timestampMs = 0;
  readMessage(reader, (tag) => {
    if (tag === schema.SAMPLE_VALUE) value = readValue(reader);
    else if (tag === schema.SAMPLE_TIMESTAMP) timestampMs = readTimestamp(reader);
    else return false;
    return true;
  });
  timestampsMs.push(timestampMs);
  values.push(value);
}

function readValue(reader: protobuf.Reader): SampleValue {
  const start = reader.pos;
  const value = reader.double();
  if (!Number.isNaN(value)) return value;
  const bits = new DataView(reader.buf.buffer, reader.buf.byteOffset + start, 8);
  const { low, high } = schema.STALE_MARKER;
  return bits.getUint32(0, true) === low && bits.getUint32(4, true) === high ? null : Number.NaN;
}

function readTimestamp(reader: protobuf.Reader): EpochMs {
  // protobufjs gives a number where its optional package `long` is missing or bundled as a module.
  const read: number | { readonly low: number; readonly high: number } = reader.int64();
  const timestampMs = typeof read === "number" ? read : read.high * 2 ** 32 + (read.low >>> 0);
  if (!Number.isSafeInteger(timestampMs)) throw new RangeError("a timestamp is beyond 2^53 milliseconds");
  return timestampMs;
}

function readMetadata(reader: protobuf.Reader): FamilyMetadata {
  let type: FamilyMetadata["type"] = "unknown";
  let name = "";
  let help = "";
  let unit = "";
  readMessage(reader, (tag) => {
    if (tag === schema.METADATA_TYPE) type = schema.METRIC_TYPES[reader.uint32()] ?? "unknown";
    else if (tag === schema.METADATA_NAME) name = reader.stringVerify();
    else if (tag === schema.METADATA_HELP) help = reader.stringVerify();
    else if (tag === schema.METADATA_UNIT) unit = reader.stringVerify();
    else return false;
    return true;
  });
  return { name, type, help, unit };
}

function tooMuch(what: string, limit: number): DecodeError {
  return new DecodeError("ERR_DECODE_TOO_LARGE", `the write request holds more than ${limit} ${what}`);
}
