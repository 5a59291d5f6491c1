import { createRequire } from "node:module";
import { DeliveryError } from "./delivery-error.ts";
import type { EncodedRequest, SendOptions } from "./destination.ts";
import type { HttpOptions } from "./http-options.ts";
import { classifyNetworkError } from "./network-error.ts";
import { createRedactor } from "./redact.ts";
import { replyExcerpt } from "./reply-excerpt.ts";
import { LONGEST_TIMER_MS } from "./sleep.ts";
import { statusError } from "./status-error.ts";

/** What a receiver answered, with a status from 200 to 299. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
}

/**
 * Makes one attempt at one request. Follows no redirect. What the receiver says in an error's body
 * stands, bounded to 1,024 characters and without our credentials, in the error's message; nothing
 * is decided by it.
 *
 * @throws {DeliveryError} For any answer but 2xx, and for none:
 *
 * | what came | code | in doubt |
 * | --- | --- | --- |
 * | 401, 403, `authorization` rejected | UNAUTHORIZED | no |
 * | 3xx, 404, 405, 407, 410, 415 | MISCONFIGURED | no |
 * | 413 | TOO_LARGE | no |
 * | 408, 429 | OVERLOADED | no |
 * | 5xx | OVERLOADED | yes |
 * | other 4xx | REJECTED | no |
 * | no connection: refused, unknown host, unreachable, TLS | UNREACHABLE | no |
 * | cut off, timed out | UNREACHABLE | yes |
 *
 * @throws The reason of `signal`, unchanged, when it aborts; the receiver may have got the request.
 */
export async function sendRequest(
  request: EncodedRequest,
  options: HttpOptions & SendOptions = {},
): Promise<Reply> {
  const { signal, timeoutMs = 30_000, now = Date.now } = options;
  signal?.throwIfAborted();
  const target = `${request.method} to ${new URL(request.url).host}`;
  const authorization = await askCredential(options, target);
  const redact = createRedactor(authorization, options.headers, new URL(request.url).searchParams);
  const headers = buildHeaders(request, options, authorization, target);

  const timeout = new AbortController();
  const abort = () => timeout.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => timeout.abort(), Math.min(timeoutMs, LONGEST_TIMER_MS));
  try {
    const response = await (options.fetch ?? fetch)(request.url, {
      method: request.method,
      // Plain, since a `fetch` of another make has a `Headers` of its own.
      headers: Object.fromEntries(headers),
      redirect: "manual",
      signal: timeout.signal,
      // An empty body is sent as none: DELETE has no content.
      ...(request.body.byteLength > 0 ? { body: request.body as Uint8Array<ArrayBuffer> } : {}),
    });
    const excerpt = await replyExcerpt(response, redact);
    if (response.ok) return { status: response.status, headers: response.headers };
    throw statusError(response, { target, excerpt, redact, nowMs: now() });
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    signal?.throwIfAborted();
    if (timeout.signal.aborted) {
      const message = `${target} got no answer within ${timeoutMs / 1000} s; it is not known whether the request was taken`;
      throw new DeliveryError("ERR_DELIVERY_UNREACHABLE", message, { inDoubt: true });
    }
    const { code, reason, advice, inDoubt } = classifyNetworkError(error);
    const message = redact(`${target} failed: ${reason}; ${advice}`);
    throw new DeliveryError(code, message, { inDoubt, cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function askCredential(options: HttpOptions, target: string): Promise<string | undefined> {
  try {
    return await options.authorization?.();
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${target} was not tried, since there is no credential for it: ${reason}`;
    throw new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", message, { cause: error });
  }
}

function buildHeaders(
  request: EncodedRequest,
  options: HttpOptions & SendOptions,
  authorization: string | undefined,
  target: string,
): Headers {
  const headers = new Headers(options.headers);
  for (const [name, value] of Object.entries(request.headers)) headers.set(name, value);
  headers.set("user-agent", options.userAgent ?? defaultUserAgent());
  const { attempt = 1 } = options;
  if (attempt > 1) headers.set("retry-attempt", String(attempt - 1));
  if (authorization === undefined) return headers;
  try {
    headers.set("authorization", authorization);
  } catch {
    // The platform's own message quotes the value.
    const message = `${target} was not tried: the credential holds a character that a header cannot carry, such as a line feed; check auth`;
    throw new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", message);
  }
  return headers;
}

/** `promferry/<version>`. To find it out takes longer than a request: whoever sends many asks once. */
export function defaultUserAgent(): string {
  const { version } = createRequire(import.meta.url)("@promferry/core/package.json") as { version: string };
  return `promferry/${version}`;
}
