import protobuf from "protobufjs";

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
  message Histogram { uint64 count_int = 1; double sum = 3; int64 timestamp = 15; }
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
