import {
  type Batch,
  checkHeaders,
  DeliveryError,
  type Destination,
  type DestinationLimits,
  type EncodedRequest,
  type HttpOptions,
  type Refusal,
  sendRequest,
} from "@promferry/core/delivery";
import { type SnappyCodec, snappyjsCodec } from "../snappy/codec.ts";
import { encodeWriteRequest } from "../write-request/encode.ts";
import { createLabelCache } from "../write-request/series-labels.ts";
import { validateBatch } from "../write-request/validate-batch.ts";
import { resolveEndpoint } from "./endpoint.ts";

/**
 * Besides those of every HTTP destination. Of `headers`, those that the protocol or the connection
 * owns can't be set, nor `X-Scope-OrgID`; `now` also bounds samples from the future.
 */
export interface RemoteWriteOptions extends HttpOptions {
  /** As the user calls the destination. */
  readonly name: string;
  /** The whole URL, for example `https://prometheus.example.net/api/v1/write`; without credentials. */
  readonly url: string;
  /** Version of the protocol. Only 1 for now: 2.0 is not there yet. Default 1. */
  readonly protocol?: 1;
  /** Mimir's and Cortex' tenant, sent as `X-Scope-OrgID`. Default: none. */
  readonly tenant?: string;
  /** Puts `/tenant/<tenant>` before the URL's path instead of sending the header. Default false. */
  readonly tenantInPath?: boolean;
  /** Default 5000 samples, 3 000 000 bytes before compression, 600 000 ms ahead of `now`. */
  readonly limits?: Partial<DestinationLimits>;
  /** Compresses. Default snappyjs. */
  readonly snappy?: SnappyCodec;
}

const DEFAULT_LIMITS = { maxSamples: 5000, maxBytes: 3_000_000, maxFutureMs: 600_000 };

/**
 * A receiver of Prometheus remote write 1.0: Prometheus, Mimir, Cortex, Grafana Cloud,
 * VictoriaMetrics and others.
 *
 * A batch becomes one request. What the protocol forbids is taken out before and counted as refused
 * (see `validateBatch`); a 2xx answer counts the rest as accepted, its body is not read. A batch
 * over `limits` throws `ERR_DELIVERY_TOO_LARGE` without a request. Only the bound on samples from
 * the future depends on the clock; otherwise the same batch always makes the same bytes.
 *
 * @throws {TypeError} An option can't be used; the message names it.
 * @see https://prometheus.io/docs/specs/remote_write_spec/
 */
export function createRemoteWrite(options: RemoteWriteOptions): Destination {
  const { name, snappy = snappyjsCodec, now = Date.now } = options;
  checkProtocol(options.protocol);
  checkCustomHeaders(options.headers ?? {});
  const endpoint = resolveEndpoint(options);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const labels = createLabelCache();

  function prepare(batch: Batch): Prepared {
    const valid = validateBatch(batch, { latestMs: now() + limits.maxFutureMs, labels });
    const { sampleCount } = valid.batch;
    if (sampleCount === 0) return { requests: [], accepted: 0, refused: valid.refused };
    const message = encodeWriteRequest(valid.batch, labels);
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
      headers: {
        ...endpoint.headers,
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
      },
      body: snappy.compress(message),
    };
    return { requests: [request], accepted: sampleCount, refused: valid.refused };
  }

  return {
    name,
    identity: endpoint.identity,
    keepsHistory: true,
    limits,
    encode: (batch) => prepare(batch).requests,
    async send(batch, sendOptions = {}) {
      const { requests, accepted, refused } = prepare(batch);
      for (const request of requests) await sendRequest(request, { ...options, ...sendOptions });
      return { accepted, refused, unknown: 0 };
    },
  };
}

interface Prepared {
  readonly requests: readonly EncodedRequest[];
  readonly accepted: number;
  readonly refused: readonly Refusal[];
}

/** Configuration files are not type checked. */
function checkProtocol(protocol: unknown): void {
  if (protocol === undefined || protocol === 1) return;
  throw new TypeError(
    `protocol: ${JSON.stringify(protocol)} is not there yet, this version sends remote write 1.0 only; leave it out or say 1`,
  );
}

/** Remote-Write 1.0, "Protocol": reserved headers MUST NOT be configurable. */
function checkCustomHeaders(headers: Readonly<Record<string, string>>): void {
  checkHeaders(headers);
  const tenant = Object.keys(headers).find((header) => header.toLowerCase() === "x-scope-orgid");
  if (tenant === undefined) return;
  throw new TypeError(`header ${JSON.stringify(tenant)} is set by the option tenant; use that`);
}
