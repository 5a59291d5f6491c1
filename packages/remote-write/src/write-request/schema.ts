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
 * message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
 * message Label { string name = 1; string value = 2; }
 * message MetricMetadata {
 *   MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5;
 * }
 * ```
 *
 * @see https://prometheus.io/docs/specs/remote_write_spec/ "Protocol"
 */
const VARINT = 0;
const BYTES = 2;

export const TIME_SERIES: number = (1 << 3) | BYTES;
export const METADATA: number = (3 << 3) | BYTES;

export const LABEL: number = (1 << 3) | BYTES;
export const SAMPLE: number = (2 << 3) | BYTES;
export const EXEMPLAR: number = (3 << 3) | BYTES;
export const HISTOGRAM: number = (4 << 3) | BYTES;

export const LABEL_NAME: number = (1 << 3) | BYTES;
export const LABEL_VALUE: number = (2 << 3) | BYTES;

export const METADATA_TYPE: number = (1 << 3) | VARINT;
export const METADATA_NAME: number = (2 << 3) | BYTES;
export const METADATA_HELP: number = (4 << 3) | BYTES;
export const METADATA_UNIT: number = (5 << 3) | BYTES;
