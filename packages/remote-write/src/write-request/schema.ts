/**
 * The messages of remote write 1.0, as field tags: field number times eight plus wire type.
 *
 * ```proto
 * message WriteRequest {
 *   repeated TimeSeries timeseries = 1;
 *   repeated MetricMetadata metadata = 3;  // reserved in the specification, sent by Prometheus
 * }
 * message TimeSeries {
 *   repeated Label labels = 1;
 *   repeated Sample samples = 2;
 *   repeated Exemplar exemplars = 3;       // not in the specification, sent by Prometheus
 *   repeated Histogram histograms = 4;     // likewise
 * }
 * message Label { string name = 1; string value = 2; }
 * message Sample { double value = 1; int64 timestamp = 2; }
 * message MetricMetadata {
 *   MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5;
 * }
 * ```
 *
 * @see https://prometheus.io/docs/specs/remote_write_spec/ "Protocol"
 */
import type { MetricType } from "@promferry/core/series";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

export const TIME_SERIES: number = (1 << 3) | BYTES;
export const METADATA: number = (3 << 3) | BYTES;

export const LABEL: number = (1 << 3) | BYTES;
export const SAMPLE: number = (2 << 3) | BYTES;
export const EXEMPLAR: number = (3 << 3) | BYTES;
export const HISTOGRAM: number = (4 << 3) | BYTES;

export const LABEL_NAME: number = (1 << 3) | BYTES;
export const LABEL_VALUE: number = (2 << 3) | BYTES;

export const SAMPLE_VALUE: number = (1 << 3) | FIXED64;
export const SAMPLE_TIMESTAMP: number = (2 << 3) | VARINT;

export const METADATA_TYPE: number = (1 << 3) | VARINT;
export const METADATA_NAME: number = (2 << 3) | BYTES;
export const METADATA_HELP: number = (4 << 3) | BYTES;
export const METADATA_UNIT: number = (5 << 3) | BYTES;

/** By the number of MetricMetadata's enum. */
export const METRIC_TYPES: readonly MetricType[] = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
];

/** Halves of a 64-bit pattern, in the shape of protobufjs' Long. */
export interface Bits64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: true;
}

/** 0x7ff0000000000002, which says that the series has ended (1.0, "Stale Markers"). */
export const STALE_MARKER: Bits64 = { low: 2, high: 0x7ff00000, unsigned: true };

/** 0x7ff8000000000001, the NaN of Prometheus' `model/value`. */
export const NORMAL_NAN: Bits64 = { low: 1, high: 0x7ff80000, unsigned: true };
