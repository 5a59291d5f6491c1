import {
  type Batch,
  DeliveryError,
  type DestinationLimits,
  type EncodedRequest,
  type Refusal,
} from "@promferry/core/delivery";
import type { EpochMs } from "@promferry/core/series";
import { encodeRequestV2 } from "../request-v2/encode.ts";
import { MESSAGE_V2 } from "../request-v2/schema.ts";
import { createStringCache } from "../request-v2/series-strings.ts";
import type { SnappyCodec } from "../snappy/codec.ts";
import type { ProtocolVersion } from "../validation/label-problem.ts";
import { validateBatch } from "../validation/validate-batch.ts";
import { encodeWriteRequest } from "../write-request/encode.ts";
import { createLabelCache } from "../write-request/series-labels.ts";
import type { Endpoint } from "./endpoint.ts";

export interface PrepareOptions {
  /** As the user calls the destination. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly limits: DestinationLimits & { readonly maxFutureMs: number };
  readonly snappy: SnappyCodec;
  readonly now: () => EpochMs;
}

/** What one batch becomes before a socket is opened. */
export interface PreparedRequest {
  /** `undefined` when nothing is left to send. */
  readonly request: EncodedRequest | undefined;
  /** Samples in the request. */
  readonly sampleCount: number;
  readonly refused: readonly Refusal[];
}

/**
 * Content types byte for byte: with a blank behind the semicolon, receivers read 2.0 as 1.0, answer
 * 2xx and store nothing.
 */
const HEADERS: Readonly<Record<ProtocolVersion, Readonly<Record<string, string>>>> = {
  1: {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
  },
  2: {
    "Content-Encoding": "snappy",
    "Content-Type": `application/x-protobuf;proto=${MESSAGE_V2}`,
    "X-Prometheus-Remote-Write-Version": "2.0.0",
  },
};

/**
 * Makes requests of batches, in either version. The label sets of series are checked and sorted once.
 *
 * @returns A function that throws `ERR_DELIVERY_TOO_LARGE` for what is over the limits.
 */
export function createPreparation(
  options: PrepareOptions,
): (batch: Batch, protocol: ProtocolVersion) => PreparedRequest {
  const { name, endpoint, limits, snappy, now } = options;
  const labels = createLabelCache();
  const strings = createStringCache();

  return (batch, protocol) => {
    const valid = validateBatch(batch, {
      latestMs: now() + limits.maxFutureMs,
      labels: protocol === 1 ? labels : strings,
    });
    const { refused } = valid;
    const { sampleCount } = valid.batch;
    if (sampleCount === 0) return { request: undefined, sampleCount, refused };
    const message =
      protocol === 1 ? encodeWriteRequest(valid.batch, labels) : encodeRequestV2(valid.batch, strings);
    if (sampleCount > limits.maxSamples || message.length > limits.maxBytes) {
      throw new DeliveryError(
        "ERR_DELIVERY_TOO_LARGE",
        `${name}: ${sampleCount} samples in ${message.length} bytes are more than the limit of ` +
          `${limits.maxSamples} samples and ${limits.maxBytes} bytes; send fewer at once`,
      );
    }
    const request: EncodedRequest = {
      method: "POST",
      url: endpoint.url,
      headers: { ...endpoint.headers, ...HEADERS[protocol] },
      body: snappy.compress(message),
    };
    return { request, sampleCount, refused };
  };
}
