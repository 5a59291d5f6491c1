import type { Batch } from "@promferry/core/delivery";
import {
  createLabelCache,
  createStringCache,
  encodeRequestV2,
  encodeWriteRequest,
} from "@promferry/remote-write";
import { pushTimeseries } from "prometheus-remote-write";
import protobuf from "protobufjs";
import type { Comparison } from "../case.ts";
import { k1Batch } from "../k1-batch.ts";
import { Request } from "../peers/request-v2.mjs";
import { WriteRequest } from "../peers/write-request.mjs";

/** The message of 1.0 described to protobufjs, which finds its way by reflection. */
const ReflectedRequest = protobuf
  .parse(
    `syntax = "proto3";
     message Label { string name = 1; string value = 2; }
     message Sample { double value = 1; int64 timestamp = 2; }
     message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
     message WriteRequest { repeated TimeSeries timeseries = 1; }`,
  )
  .root.lookupType("WriteRequest");

/** What protobufjs wants to have of the batch; making it is a part of its work, as our batch is no part of ours. */
function messageV1(batch: Batch) {
  const timeseries = batch.series.map(({ series, timestampsMs, values }) => ({
    labels: [{ name: "__name__", value: series.name }, ...series.labels],
    samples: timestampsMs.map((timestamp, i) => ({ timestamp, value: values[i]! })),
  }));
  return { timeseries };
}

function messageV2(batch: Batch) {
  const refs = new Map([["", 0]]);
  const ref = (text: string): number => {
    const known = refs.get(text);
    if (known !== undefined) return known;
    refs.set(text, refs.size);
    return refs.size - 1;
  };
  const timeseries = batch.series.map(({ series, family, timestampsMs, values }) => ({
    labels_refs: [
      ref("__name__"),
      ref(series.name),
      ...series.labels.flatMap(({ name, value }) => [ref(name), ref(value)]),
    ],
    samples: timestampsMs.map((timestamp, i) => ({ timestamp, value: values[i]! })),
    metadata: { type: family.type === "counter" ? 1 : 2, help_ref: ref(family.help) },
  }));
  return { symbols: [...refs.keys()], timeseries };
}

/** The other package takes labels as an object, and makes its message with protobufjs' static code. */
function payload(batch: Batch) {
  return batch.series.map(({ series, timestampsMs, values }) => ({
    labels: Object.assign(
      { __name__: series.name },
      ...series.labels.map(({ name, value }) => ({ [name]: value })),
    ),
    samples: timestampsMs.map((timestamp, i) => ({ timestamp, value: Number(values[i]) })),
  }));
}

/** Requests of 2,000 series, with one sample a series and with ten. */
export const encodeRequests: readonly Comparison[] = [1, 10].flatMap((perSeries): readonly Comparison[] => {
  const batch = k1Batch(2000, perSeries);
  const ops = batch.sampleCount;
  const labels = createLabelCache();
  const strings = createStringCache();
  const timeseries = payload(batch);
  return [
    {
      name: `encode/v1-w${perSeries}`,
      ours: { ops, run: () => encodeWriteRequest(batch, labels) },
      peers: {
        "protobufjs static": { ops, run: () => WriteRequest.encode(messageV1(batch)).finish() },
        "protobufjs reflection": { ops, run: () => ReflectedRequest.encode(messageV1(batch)).finish() },
        // Without a URL it ends when the message is made.
        "prometheus-remote-write": { ops, run: () => pushTimeseries(timeseries, {}) },
      },
      targets: { "protobufjs static": 5, "prometheus-remote-write": 20 },
    },
    {
      name: `encode/v2-w${perSeries}`,
      ours: { ops, run: () => encodeRequestV2(batch, strings) },
      peers: { "protobufjs static": { ops, run: () => Request.encode(messageV2(batch)).finish() } },
      targets: { "protobufjs static": 5 },
    },
  ];
});
