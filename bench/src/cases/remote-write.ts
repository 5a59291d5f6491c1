import { createLabelCache, encodeWriteRequest } from "@promferry/remote-write";
import protobuf from "protobufjs";
import { batchOf } from "../batch-of.ts";
import type { Comparison } from "../case.ts";
import { k1Families } from "../pages/k1-day.ts";

const SAMPLES_A_SERIES = 10;

const batch = batchOf(k1Families(1), SAMPLES_A_SERIES);
const labels = createLabelCache();

/** The same message described to protobufjs, which finds its way by reflection. */
const WriteRequest = protobuf
  .parse(
    `syntax = "proto3";
     message Label { string name = 1; string value = 2; }
     message Sample { double value = 1; int64 timestamp = 2; }
     message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
     message WriteRequest { repeated TimeSeries timeseries = 1; }`,
  )
  .root.lookupType("WriteRequest");

function encodeByReflection(): Uint8Array {
  const timeseries = batch.series.map(({ series, timestampsMs, values }) => ({
    labels: [{ name: "__name__", value: series.name }, ...series.labels],
    samples: timestampsMs.map((timestamp, i) => ({ timestamp, value: values[i] })),
  }));
  return WriteRequest.encode({ timeseries }).finish();
}

/** Encoding 2,000 series of ten samples each into one request of remote write 1.0. */
export const encodeRequest: Comparison = {
  name: "remote-write/encode-2k-w10",
  ours: { ops: batch.sampleCount, run: () => encodeWriteRequest(batch, labels) },
  peers: { "protobufjs reflection": { ops: batch.sampleCount, run: encodeByReflection } },
};
