import {
  type Batch,
  checkHeaders,
  type Destination,
  type DestinationLimits,
  defaultUserAgent,
  type HttpOptions,
  type Receipt,
  type SendOptions,
  sendRequest,
} from "@promferry/core/delivery";
import { createSnappyCodec, type SnappyCodec } from "../snappy/codec.ts";
import type { ProtocolVersion } from "../validation/label-problem.ts";
import { type AttemptV2, createAutoProtocol } from "./auto-protocol.ts";
import { resolveEndpoint } from "./endpoint.ts";
import { createNativeFallback } from "./native-fallback.ts";
import { createPreparation } from "./prepare-request.ts";
import { requestV2 } from "./request-v2.ts";
import { explainUnsupported } from "./unsupported.ts";

/**
 * Besides those of every HTTP destination. Of `headers`, those that the protocol or the connection
 * owns can't be set, nor `X-Scope-OrgID`; `now` also bounds samples from the future.
 */
export interface RemoteWriteOptions extends HttpOptions {
  /** As the user calls the destination. */
  readonly name: string;
  /** The whole URL, for example `https://prometheus.example.net/api/v1/write`; without credentials. */
  readonly url: string;
  /**
   * Version of the protocol. `auto` tries 2.0 with the first batch and falls back to 1.0 when the
   * receiver does not know it. Default 1.
   */
  readonly protocol?: ProtocolVersion | "auto";
  /** Mimir's and Cortex' tenant, sent as `X-Scope-OrgID`. Default: none. */
  readonly tenant?: string;
  /** Puts `/tenant/<tenant>` before the URL's path instead of sending the header. Default false. */
  readonly tenantInPath?: boolean;
  /** Default 20 000 samples, 3 000 000 bytes before compression, 600 000 ms ahead of `now`. */
  readonly limits?: Partial<DestinationLimits>;
  /** Called once, when the receiver has shown that it takes no native histograms. Default: nobody hears. */
  readonly onNativeRefused?: () => void;
  /** Compresses. Default {@link createSnappyCodec}. */
  readonly snappy?: SnappyCodec;
}

const DEFAULT_LIMITS = { maxSamples: 20_000, maxBytes: 3_000_000, maxFutureMs: 600_000, labelsOnce: true };

/**
 * A receiver of Prometheus remote write: Prometheus, Mimir, Cortex, Grafana Cloud, VictoriaMetrics
 * and others.
 *
 * A batch becomes one request. What the protocol forbids is taken out before and counted as refused
 * (see `validateBatch`); a 2xx answer counts the rest as accepted, its body is not read. A batch
 * over `limits` throws `ERR_DELIVERY_TOO_LARGE` without a request. Only the bound on samples from
 * the future depends on the clock; otherwise the same batch always makes the same bytes, in each
 * version of the protocol.
 *
 * A receiver that answers 415 does not take that version and is `ERR_DELIVERY_MISCONFIGURED`. So is, with
 * `protocol: 2`, one that answers 2xx without a `Written` header: it stored nothing and never will. A
 * 2xx that says that not one sample was written counts all of them as unknown; other numbers of a 2xx are not believed,
 * since receivers count too many and too few. A 400 that says that some of the samples were written, but not all, is a
 * success for so many; the others are refused with its words.
 *
 * With `auto` the same batch is sent as 1.0 in these cases, and everything after it, for the life of
 * this object; so it is after a 400 without a `Written` header, while no answer has shown yet that the
 * receiver knows 2.0, if it then takes the batch as 1.0. Until the first such answer `encode` shows
 * requests of 2.0, and one `send` may make two requests.
 *
 * A receiver that answers 500 to native histograms, and takes the rest of the batch, is sent no more of them for the life of
 * this object: they are refused, and the `send` that finds it out, a second attempt, makes four requests.
 *
 * @throws {TypeError} An option can't be used; the message names it.
 * @see https://prometheus.io/docs/specs/remote_write_spec/
 * @see https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
 */
export function createRemoteWrite(options: RemoteWriteOptions): Destination {
  const { name, protocol = 1, snappy = createSnappyCodec(), now = Date.now } = options;
  checkProtocol(protocol);
  checkCustomHeaders(options.headers ?? {});
  const endpoint = resolveEndpoint(options);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const http = { ...options, userAgent: options.userAgent ?? defaultUserAgent() };
  const prepare = createPreparation({ name, endpoint, limits, snappy, now });

  async function sendV1(batch: Batch, sendOptions: SendOptions = {}): Promise<Receipt> {
    const { request, sampleCount, refused } = prepare(batch, 1);
    try {
      if (request) await sendRequest(request, { ...http, ...sendOptions });
    } catch (error) {
      throw explainUnsupported(error, 1);
    }
    return { accepted: sampleCount, refused, unknown: 0 };
  }

  async function trySendV2(batch: Batch, sendOptions: SendOptions = {}): Promise<AttemptV2> {
    const { request, sampleCount, refused } = prepare(batch, 2);
    if (!request) return { outcome: undefined, receipt: { accepted: 0, refused, unknown: 0 } };
    const outcome = await requestV2(request, { ...http, ...sendOptions });
    const { error, written } = outcome;
    if (error?.code === "ERR_DELIVERY_REJECTED" && written > 0 && written < sampleCount) {
      // Sent again in parts, what is stored would come twice, and be refused as out of order.
      const rest = { reason: error.message, count: sampleCount - written };
      const receipt = { accepted: written, refused: [...refused, rest], unknown: 0 };
      return { outcome: { ...outcome, error: undefined }, receipt };
    }
    const unknown = written === 0 ? sampleCount : 0;
    return { outcome, receipt: { accepted: sampleCount - unknown, refused, unknown } };
  }

  async function sendV2(batch: Batch, sendOptions?: SendOptions): Promise<Receipt> {
    const { outcome, receipt } = await trySendV2(batch, sendOptions);
    if (outcome?.error) throw outcome.error;
    return receipt;
  }

  const auto = createAutoProtocol(sendV1, trySendV2);
  const { reduce, send } = createNativeFallback(
    protocol === "auto" ? auto.send : protocol === 2 ? sendV2 : sendV1,
    options.onNativeRefused,
  );
  return {
    name,
    identity: endpoint.identity,
    keepsHistory: true,
    limits,
    encode(batch) {
      const { batch: rest, refused: native } = reduce(batch);
      const { request, refused } = prepare(rest, protocol === "auto" ? auto.current() : protocol);
      return { requests: request ? [request] : [], refused: [...refused, ...native] };
    },
    send,
  };
}

/** Configuration files are not type checked. */
function checkProtocol(protocol: unknown): void {
  if (protocol === 1 || protocol === 2 || protocol === "auto") return;
  throw new TypeError(`protocol must be 1, 2 or "auto", not ${JSON.stringify(protocol)?.slice(0, 100)}`);
}

/** Remote-Write 1.0 and 2.0, "Protocol": reserved headers MUST NOT be configurable. */
function checkCustomHeaders(headers: Readonly<Record<string, string>>): void {
  checkHeaders(headers);
  const tenant = Object.keys(headers).find((header) => header.toLowerCase() === "x-scope-orgid");
  if (tenant === undefined) return;
  throw new TypeError(`header ${JSON.stringify(tenant)} is set by the option tenant; use that`);
}
