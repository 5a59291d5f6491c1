/**
 * The messages of remote write 2.0, as field tags: field number times eight plus wire type.
 *
 * ```proto
 * message Request {
 *   reserved 1 to 3;                       // WriteRequest of 1.0
 *   repeated string symbols = 4;
 *   repeated TimeSeries timeseries = 5;
 * }
 * message TimeSeries {
 *   repeated uint32 labels_refs = 1;
 *   repeated Sample samples = 2;
 *   repeated Histogram histograms = 3;
 *   repeated Exemplar exemplars = 4;
 *   Metadata metadata = 5;
 *   int64 created_timestamp = 6;           // up to rc.3, reserved from rc.4 on; Prometheus reads it
 * }
 * message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
 * message Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
 * ```
 *
 * @see https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/ "Protobuf Message"
 */
const VARINT = 0;
const BYTES = 2;

/** The message's full name, which stands in the content type. */
export const MESSAGE_V2 = "io.prometheus.write.v2.Request";

export const SYMBOL: number = (4 << 3) | BYTES;
export const TIME_SERIES: number = (5 << 3) | BYTES;

/** A repeated number is written packed; a reader takes both forms. */
export const LABELS_REFS: number = (1 << 3) | BYTES;
export const LABELS_REF: number = (1 << 3) | VARINT;
export const SAMPLE: number = (2 << 3) | BYTES;
export const HISTOGRAM: number = (3 << 3) | BYTES;
export const EXEMPLAR: number = (4 << 3) | BYTES;
export const METADATA: number = (5 << 3) | BYTES;
export const CREATED_TIMESTAMP: number = (6 << 3) | VARINT;

export const METADATA_TYPE: number = (1 << 3) | VARINT;
export const METADATA_HELP_REF: number = (3 << 3) | VARINT;
export const METADATA_UNIT_REF: number = (4 << 3) | VARINT;
