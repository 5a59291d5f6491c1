import type { NativeHistogram } from "@promferry/core/series";
import protobuf from "protobufjs";

const HISTOGRAM = `
  message Histogram {
    oneof count { uint64 count_int = 1; double count_float = 2; }
    double sum = 3;
    sint32 schema = 4;
    double zero_threshold = 5;
    oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
    repeated BucketSpan negative_spans = 8;
    repeated sint64 negative_deltas = 9;
    repeated double negative_counts = 10;
    repeated BucketSpan positive_spans = 11;
    repeated sint64 positive_deltas = 12;
    repeated double positive_counts = 13;
    enum ResetHint { UNKNOWN_HINT = 0; YES = 1; NO = 2; GAUGE_HINT = 3; }
    ResetHint reset_hint = 14;
    int64 timestamp = 15;
    repeated double custom_values = 16;
    int64 start_timestamp = 17;
  }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
`;

/** The messages as the specification and Prometheus' own `.proto` files write them down. */
const PROTO = `
  syntax = "proto3";
  message WriteRequest {
    repeated TimeSeries timeseries = 1;
    reserved 2;
    repeated MetricMetadata metadata = 3;
  }
  message TimeSeries {
    repeated Label labels = 1;
    repeated Sample samples = 2;
    repeated Exemplar exemplars = 3;
    repeated Histogram histograms = 4;
  }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
${HISTOGRAM}
  message MetricMetadata {
    enum MetricType {
      UNKNOWN = 0; COUNTER = 1; GAUGE = 2; HISTOGRAM = 3; GAUGEHISTOGRAM = 4; SUMMARY = 5; INFO = 6; STATESET = 7;
    }
    MetricType type = 1;
    string metric_family_name = 2;
    string help = 4;
    string unit = 5;
  }
`;

const WriteRequest: protobuf.Type = protobuf.parse(PROTO, { keepCase: true }).root.lookupType("WriteRequest");

/** Encodes by reflection over the schema's text; shares nothing with the code under test. */
export function referenceEncode(message: object): Uint8Array {
  return WriteRequest.encode(WriteRequest.fromObject(message)).finish();
}

/** The series of a message as its fields stand there. */
export function decodeTimeSeries(bytes: Uint8Array): readonly object[] {
  const message = WriteRequest.decode(bytes);
  return WriteRequest.toObject(message, { defaults: true, longs: Number, oneofs: true })[
    "timeseries"
  ] as object[];
}

/** Likewise of 2.0, rc.4; the reserved field 6 is there since senders up to rc.3 write it. */
const PROTO_V2 = `
  syntax = "proto3";
  package io.prometheus.write.v2;
  message Request {
    reserved 1 to 3;
    repeated string symbols = 4;
    repeated TimeSeries timeseries = 5;
  }
  message TimeSeries {
    repeated uint32 labels_refs = 1;
    repeated Sample samples = 2;
    repeated Histogram histograms = 3;
    repeated Exemplar exemplars = 4;
    Metadata metadata = 5;
    int64 created_timestamp = 6;
  }
  message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
  message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
  message Metadata {
    enum MetricType {
      METRIC_TYPE_UNSPECIFIED = 0; METRIC_TYPE_COUNTER = 1; METRIC_TYPE_GAUGE = 2; METRIC_TYPE_HISTOGRAM = 3;
      METRIC_TYPE_GAUGEHISTOGRAM = 4; METRIC_TYPE_SUMMARY = 5; METRIC_TYPE_INFO = 6; METRIC_TYPE_STATESET = 7;
    }
    MetricType type = 1;
    uint32 help_ref = 3;
    uint32 unit_ref = 4;
  }
${HISTOGRAM}
`;

const Request: protobuf.Type = protobuf
  .parse(PROTO_V2, { keepCase: true })
  .root.lookupType("io.prometheus.write.v2.Request");

export function referenceEncodeV2(message: object): Uint8Array {
  return Request.encode(Request.fromObject(message)).finish();
}

/** A message of 2.0 as its fields stand there; references are not resolved. */
export interface ReferenceRequestV2 {
  readonly symbols: readonly string[];
  readonly timeseries: readonly {
    readonly labels_refs: readonly number[];
    readonly samples: readonly { readonly value: number; readonly timestamp: number }[];
    readonly metadata: {
      readonly type: string;
      readonly help_ref: number;
      readonly unit_ref: number;
    } | null;
  }[];
}

/**
 * A native histogram as the fields of the message, by hand: counts of integers as differences.
 */
export function referenceHistogram(histogram: NativeHistogram, timestamp: number): object {
  const { integer, count, sum, schema, zeroThreshold, zeroCount, customBounds } = histogram;
  const differences = (counts: readonly number[]) => counts.map((each, i) => each - (counts[i - 1] ?? 0));
  return {
    ...(integer
      ? { count_int: count, zero_count_int: zeroCount }
      : { count_float: count, zero_count_float: zeroCount }),
    sum,
    schema,
    zero_threshold: zeroThreshold,
    negative_spans: histogram.negativeSpans,
    positive_spans: histogram.positiveSpans,
    ...(integer
      ? {
          negative_deltas: differences(histogram.negativeCounts),
          positive_deltas: differences(histogram.positiveCounts),
        }
      : { negative_counts: histogram.negativeCounts, positive_counts: histogram.positiveCounts }),
    reset_hint: { unknown: 0, yes: 1, no: 2, gauge: 3 }[histogram.resetHint],
    timestamp,
    custom_values: customBounds,
  };
}

export function referenceDecodeV2(bytes: Uint8Array): ReferenceRequestV2 {
  return Request.toObject(Request.decode(bytes), {
    defaults: true,
    longs: Number,
    enums: String,
  }) as ReferenceRequestV2;
}
