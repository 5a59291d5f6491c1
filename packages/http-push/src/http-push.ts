import { gzipSync } from "node:zlib";
import {
  type Batch,
  batchFamilies,
  checkHeaders,
  DeliveryError,
  type Destination,
  type EncodedBatch,
  endpointIdentity,
  type HttpOptions,
  leftOutOfText,
  parseEndpoint,
  sendRequest,
} from "@promferry/core/delivery";
import { writePrometheusText } from "@promferry/core/text-format";
import { writeJsonLines } from "./json-lines.ts";

/** How the body is written. */
export type HttpPushFormat =
  | "prometheus-text" // text 0.0.4 with millisecond timestamps
  | "json"; // one `{"metric","labels","value","ts"}` a line

export interface HttpPushOptions extends HttpOptions {
  /** As the user calls it. Default `http`. */
  readonly name?: string;
  /** Every batch is posted there, as it is, query included. */
  readonly url: string;
  /** Default `prometheus-text`. */
  readonly format?: HttpPushFormat;
  /** Whether bodies are compressed. Default false: not every receiver knows gzip. */
  readonly gzip?: boolean;
  /** Most samples in a request. Default 5,000. */
  readonly maxSamples?: number;
  /** Most bytes in a request's body before compression. Default 3,000,000. */
  readonly maxBytes?: number;
}

const CONTENT_TYPES: Readonly<Record<HttpPushFormat, string>> = {
  "prometheus-text": "text/plain; version=0.0.4; charset=utf-8",
  json: "application/x-ndjson",
};

/**
 * Posts batches to an HTTP endpoint of any kind. Any status from 200 to 299 means that the endpoint
 * has taken all of the request.
 *
 * Neither format has a stale marker or a native histogram. They are counted as left out; a batch of nothing
 * else makes no request. Exemplars are left out too.
 *
 * A body above `maxBytes` is not sent: `encode` and `send` then throw `ERR_DELIVERY_TOO_LARGE`.
 *
 * @throws {TypeError} An option that could never work; the message names it.
 */
export function createHttpPush(options: HttpPushOptions): Destination {
  const { name = "http", format = "prometheus-text", gzip = false } = options;
  const { maxSamples = 5000, maxBytes = 3_000_000 } = options;
  const endpoint = parseEndpoint(options.url);
  if (!Object.hasOwn(CONTENT_TYPES, format)) {
    throw new TypeError(
      `format must be one of ${Object.keys(CONTENT_TYPES).join(", ")}, not ${String(format)}`,
    );
  }
  checkHeaders(options.headers ?? {});

  const encode = (batch: Batch): EncodedBatch => {
    const leftOut = leftOutOfText(batch);
    const keptOut = { refused: [], ...(leftOut.length > 0 && { leftOut }) };
    const text = format === "json" ? writeJsonLines(batch) : writePrometheusText(batchFamilies(batch));
    if (text === "") return { requests: [], ...keptOut };
    const plain = Buffer.from(text);
    if (plain.length > maxBytes) {
      const message = `a body of ${plain.length} bytes for ${endpoint.host} exceeds the limit of ${maxBytes}; a smaller batch may pass`;
      throw new DeliveryError("ERR_DELIVERY_TOO_LARGE", message);
    }
    const headers = {
      "Content-Type": CONTENT_TYPES[format],
      ...(gzip ? { "Content-Encoding": "gzip" } : {}),
    };
    const body = gzip ? gzipSync(plain) : plain;
    return { requests: [{ method: "POST", url: endpoint.href, headers, body }], ...keptOut };
  };

  return {
    name,
    identity: `http ${format} ${endpointIdentity(endpoint)}`,
    keepsHistory: true,
    limits: { maxSamples, maxBytes },
    encode,
    async send(batch, sendOptions = {}) {
      const { requests, ...keptOut } = encode(batch);
      const { leftOut = [] } = keptOut;
      for (const request of requests) await sendRequest(request, { ...options, ...sendOptions });
      const accepted = leftOut.reduce((left, { count }) => left - count, batch.sampleCount);
      return { accepted, unknown: 0, ...keptOut };
    },
  };
}
