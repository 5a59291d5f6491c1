import type { IncomingMessage, ServerResponse } from "node:http";
import type { FamilyMetadata } from "@promferry/core/series";
import { DecodeError } from "../decode-error.ts";
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from "../protobuf/decode-budget.ts";
import { decodeRequestV2 } from "../request-v2/decode.ts";
import { type SnappyCodec, snappyjsCodec } from "../snappy/codec.ts";
import type { ProtocolVersion } from "../validation/label-problem.ts";
import { type DecodedWriteRequest, decodeWriteRequest } from "../write-request/decode.ts";
import {
  type AcceptedCounts,
  type AcceptedSeries,
  acceptSeries,
  type ReceivedSeries,
} from "./accept-series.ts";
import { BatchRefusal } from "./batch-refusal.ts";
import { negotiate } from "./media-type.ts";
import { readBody } from "./read-body.ts";
import { seriesFamilies } from "./series-families.ts";

/** What one request brought, as far as it is valid. */
export interface ReceivedBatch {
  /** In the sender's order. The same series may stand in it twice. */
  readonly series: readonly ReceivedSeries[];
  /** Samples over all series, native histograms and stale markers included. */
  readonly sampleCount: number;
  /**
   * Of families. Not part of 1.0, but Prometheus sends it, mostly in requests without
   * series. In 2.0 it stands at each series and is collected from there, once for each family, whose
   * name is that of its series without the suffix of the type.
   */
  readonly metadata: readonly FamilyMetadata[];
  /** Version in which it came. */
  readonly protocol: ProtocolVersion;
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
   * once the samples are durable. When it rejects, the sender is told to try again, and with a
   * {@link BatchRefusal} not to.
   */
  readonly onBatch: (batch: ReceivedBatch) => Promise<void>;
  readonly limits?: Partial<ReceiverLimits>;
  /** Uncompresses. Default snappyjs. */
  readonly snappy?: SnappyCodec;
}

/** Answers one request; the promise never rejects. For `node:http` and what is like it. */
export type RemoteWriteHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * A receiver of remote write 1.0 and 2.0 for one path of an HTTP server. The content type says which
 * of them a request is.
 *
 * | status | when |
 * | --- | --- |
 * | 204 | `onBatch` resolved, or there was nothing in the request |
 * | 400 | no snappy block, no message of that version, or `onBatch` refused it; or some series are invalid: the others went to `onBatch` |
 * | 405 | no POST |
 * | 413 | the body or what is in it is over `limits`, or too large for `onBatch` |
 * | 415 | another media type, message or encoding |
 * | 500 | `onBatch` rejected with anything but a {@link BatchRefusal} |
 *
 * Every answer but 204 says why in plain text, and every one to a content type that is accepted counts
 * what was written in the `X-Prometheus-Remote-Write-*-Written` headers. Who may write is for the caller to decide before the
 * request comes here, and time limits are the HTTP server's.
 */
export function createRemoteWriteHandler(options: RemoteWriteHandlerOptions): RemoteWriteHandler {
  const { onBatch, snappy = snappyjsCodec } = options;
  const limits: ReceiverLimits = {
    ...DEFAULT_DECODE_LIMITS,
    maxBodyBytes: 32 * 1024 * 1024,
    ...options.limits,
  };

  async function store(
    body: Uint8Array,
    protocol: ProtocolVersion,
    tenant: string | undefined,
  ): Promise<Answer> {
    const message = decode(snappy.uncompress(body, limits.maxBytes), protocol, limits);
    const accepted = acceptSeries(message.series, protocol);
    const { series, counts, invalid } = accepted;
    const { metadata } = message;
    const sampleCount = counts.samples + counts.histograms;
    if (series.length > 0 || metadata.length > 0) {
      await onBatch({ series, sampleCount, metadata, protocol, tenant });
    }
    return invalid.length === 0
      ? { status: 204, written: counts }
      : { status: 400, text: describeInvalid(accepted), written: counts };
  }

  return async (request, response) => {
    if (request.method !== "POST") {
      return answer(response, {
        status: 405,
        text: "remote write is sent by POST",
        headers: { Allow: "POST" },
      });
    }
    const negotiated = negotiate({
      contentType: header(request, "content-type"),
      contentEncoding: header(request, "content-encoding"),
    });
    if ("refusal" in negotiated) return answer(response, { status: 415, text: negotiated.refusal });
    const say = (outcome: Answer): void =>
      answer(response, { ...outcome, headers: writtenHeaders(outcome.written) });
    try {
      const body = await readBody(request, limits.maxBodyBytes, () => {
        say({ status: 413, text: `the body is longer than ${limits.maxBodyBytes} bytes` });
      });
      if (body) say(await store(body, negotiated.protocol, header(request, "x-scope-orgid")));
    } catch (error) {
      // Nobody listens when the sender went away; then this answer goes nowhere.
      say(failure(error));
    }
  };
}

interface Answer {
  readonly status: number;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: nothing was. */
  readonly written?: AcceptedCounts;
}

function failure(error: unknown): Answer {
  if (error instanceof DecodeError || error instanceof BatchRefusal) {
    const isTooLarge = error.code === "ERR_DECODE_TOO_LARGE" || error.code === "ERR_BATCH_TOO_LARGE";
    return { status: isTooLarge ? 413 : 400, text: error.message };
  }
  return { status: 500, text: "the samples could not be stored; send the request again" };
}

function decode(message: Uint8Array, protocol: ProtocolVersion, limits: ReceiverLimits): DecodedWriteRequest {
  if (protocol === 1) return decodeWriteRequest(message, limits);
  const { series, sampleCount } = decodeRequestV2(message, limits);
  return { series, sampleCount, metadata: seriesFamilies(series) };
}

const NOTHING: AcceptedCounts = { samples: 0, histograms: 0, exemplars: 0 };

/** Remote-Write 2.0, "Required Written Response Headers". */
function writtenHeaders(written: AcceptedCounts = NOTHING): Record<string, string> {
  return {
    "X-Prometheus-Remote-Write-Samples-Written": String(written.samples),
    "X-Prometheus-Remote-Write-Histograms-Written": String(written.histograms),
    "X-Prometheus-Remote-Write-Exemplars-Written": String(written.exemplars),
  };
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

function describeInvalid({ invalid, invalidSampleCount, series, counts }: AcceptedSeries): string {
  const lines = invalid.slice(0, SHOWN_INVALID);
  if (invalid.length > lines.length) lines.push(`and ${invalid.length - lines.length} more`);
  const lost = `${invalid.length} series with ${invalidSampleCount} samples were not taken`;
  return `${lost}, ${series.length} with ${counts.samples + counts.histograms} are stored\n${lines.join("\n")}`;
}
