import type { IncomingMessage, ServerResponse } from "node:http";
import type { FamilyMetadata } from "@promferry/core/series";
import { DecodeError } from "../decode-error.ts";
import { type SnappyCodec, snappyjsCodec } from "../snappy/codec.ts";
import {
  DEFAULT_DECODE_LIMITS,
  type DecodedWriteRequest,
  type DecodeLimits,
  decodeWriteRequest,
} from "../write-request/decode.ts";
import { acceptSeries, type ReceivedSeries } from "./accept-series.ts";
import { refuseMediaType } from "./media-type.ts";
import { readBody } from "./read-body.ts";

/** What one request brought, as far as it is valid. */
export interface ReceivedBatch {
  /** In the sender's order. The same series may stand in it twice. */
  readonly series: readonly ReceivedSeries[];
  /** Samples over all series, stale markers included. */
  readonly sampleCount: number;
  /** Of families; not part of 1.0, but Prometheus sends it, mostly in requests without series. */
  readonly metadata: readonly FamilyMetadata[];
  /** `X-Scope-OrgID` as it came, not checked; `undefined` without one. */
  readonly tenant: string | undefined;
}

export interface ReceiverLimits extends DecodeLimits {
  /** Bytes of a request's body, compressed. Default 33 554 432. */
  readonly maxBodyBytes: number;
}

export interface RemoteWriteHandlerOptions {
  /**
   * Takes a batch. The sender is told of success when the promise resolves, so it should resolve
   * once the samples are durable. When it rejects, the sender is told to try again.
   */
  readonly onBatch: (batch: ReceivedBatch) => Promise<void>;
  readonly limits?: Partial<ReceiverLimits>;
  /** Uncompresses. Default snappyjs. */
  readonly snappy?: SnappyCodec;
}

/** Answers one request; the promise never rejects. For `node:http` and what is like it. */
export type RemoteWriteHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * A receiver of remote write 1.0 for one path of an HTTP server.
 *
 * | status | when |
 * | --- | --- |
 * | 204 | `onBatch` resolved, or there was nothing in the request |
 * | 400 | no snappy block, no WriteRequest; or some series are invalid: the others went to `onBatch` |
 * | 405 | no POST |
 * | 413 | the body or what is in it is over `limits` |
 * | 415 | another media type or encoding, or remote write 2.0 |
 * | 500 | `onBatch` rejected |
 *
 * Every answer but 204 says why in plain text. Who may write is for the caller to decide before the
 * request comes here, and time limits are the HTTP server's.
 */
export function createRemoteWriteHandler(options: RemoteWriteHandlerOptions): RemoteWriteHandler {
  const { onBatch, snappy = snappyjsCodec } = options;
  const limits: ReceiverLimits = {
    ...DEFAULT_DECODE_LIMITS,
    maxBodyBytes: 32 * 1024 * 1024,
    ...options.limits,
  };

  async function store(body: Uint8Array, tenant: string | undefined): Promise<Answer> {
    let message: DecodedWriteRequest;
    try {
      message = decodeWriteRequest(snappy.uncompress(body, limits.maxBytes), limits);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { status: error.code === "ERR_DECODE_TOO_LARGE" ? 413 : 400, text: error.message };
    }
    const { series, sampleCount, invalid } = acceptSeries(message.series);
    const { metadata } = message;
    if (series.length > 0 || metadata.length > 0) await onBatch({ series, sampleCount, metadata, tenant });
    return invalid.length === 0
      ? { status: 204 }
      : { status: 400, text: describeInvalid(invalid, series.length) };
  }

  return async (request, response) => {
    try {
      const refusal = refuseRequest(request);
      if (refusal) return answer(response, refusal);
      const body = await readBody(request, limits.maxBodyBytes, () => {
        answer(response, { status: 413, text: `the body is longer than ${limits.maxBodyBytes} bytes` });
      });
      if (body) answer(response, await store(body, header(request, "x-scope-orgid")));
    } catch {
      // Nobody listens when the sender went away; then this answer goes nowhere.
      answer(response, { status: 500, text: "the samples could not be stored; send the request again" });
    }
  };
}

interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function refuseRequest(request: IncomingMessage): Answer | undefined {
  if (request.method !== "POST") {
    return { status: 405, text: "remote write is sent by POST", headers: { Allow: "POST" } };
  }
  const mismatch = refuseMediaType({
    contentType: header(request, "content-type"),
    contentEncoding: header(request, "content-encoding"),
  });
  return mismatch === undefined ? undefined : { status: 415, text: mismatch };
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function answer(response: ServerResponse, { status, text, headers }: Answer): void {
  if (response.headersSent || response.destroyed) return;
  if (text === undefined) response.writeHead(status, headers).end();
  else
    response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers }).end(`${text}\n`);
}

const SHOWN_INVALID = 10;

function describeInvalid(invalid: readonly string[], storedCount: number): string {
  const lines = invalid.slice(0, SHOWN_INVALID);
  if (invalid.length > lines.length) lines.push(`and ${invalid.length - lines.length} more`);
  return `${invalid.length} series were not taken, ${storedCount} are stored\n${lines.join("\n")}`;
}
