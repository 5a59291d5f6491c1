import {
  createSnappyCodec,
  encodeRequestV2,
  encodeWriteRequest,
  snappyjsCodec,
} from "@promferry/remote-write";
import { compressSync } from "snappy";
import type { Case, Comparison } from "../case.ts";
import { k1Batch } from "../k1-batch.ts";

const codec = createSnappyCodec();

function compare(name: string, message: Uint8Array): Comparison {
  const of = (compress: (bytes: Uint8Array) => Uint8Array): Case => ({
    ops: message.length,
    run: () => compress(message),
    note: `${compress(message).length} bytes of ${message.length}`,
  });
  return {
    name: `snappy/${name}`,
    ours: of(codec.compress),
    peers: { snappyjs: of(snappyjsCodec.compress), "snappy (native)": of((bytes) => compressSync(bytes)) },
    targets: { snappyjs: 2 },
  };
}

/** Requests of remote write, from 80 to 430 kB. */
export const compressRequests: readonly Comparison[] = [
  compare("v1-w1-80k", encodeWriteRequest(k1Batch(360, 1))),
  compare("v1-w10-80k", encodeWriteRequest(k1Batch(210, 10))),
  compare("v1-w1-440k", encodeWriteRequest(k1Batch(2000, 1))),
  compare("v1-w10-400k", encodeWriteRequest(k1Batch(1050, 10))),
  compare("v2-w1-110k", encodeRequestV2(k1Batch(2000, 1))),
  compare("v2-w10-430k", encodeRequestV2(k1Batch(2000, 10))),
];
