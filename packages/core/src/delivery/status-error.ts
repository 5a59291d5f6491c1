import type { EpochMs } from "../series/series.ts";
import { DeliveryError, type DeliveryErrorCode } from "./delivery-error.ts";
import { parseRetryAfter } from "./retry-after.ts";

export interface StatusContext {
  /** What was tried: method and host. */
  readonly target: string;
  /** Beginning of the reply's body, ready to be shown. */
  readonly excerpt: string;
  /** Takes our credentials out of what the receiver says. */
  readonly redact: (text: string) => string;
  readonly nowMs: EpochMs;
}

/** The error that a reply's status stands for; only the status and `Retry-After` decide. */
export function statusError(response: Response, context: StatusContext): DeliveryError {
  const { status } = response;
  const said = context.excerpt === "" ? "" : `: ${context.excerpt}`;
  const next = advice(response);
  const message = `${context.target} was answered with ${status}${said}${next && `; ${context.redact(next)}`}`;
  const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), context.nowMs);
  return new DeliveryError(statusCode(status), message, {
    status,
    inDoubt: status >= 500,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** About the address, the method, the media type or a proxy, and so about every batch alike. */
const SETTINGS: ReadonlyMap<number, string> = new Map([
  [404, "check url: the receiver has no such path"],
  [405, "check url and type: the receiver takes no such request at this path"],
  [407, "check the proxy settings: the proxy wants a credential of its own"],
  [410, "check url: what was there is gone for good"],
  [415, "check url, type and format: the receiver takes no such content at this path"],
]);

function statusCode(status: number): DeliveryErrorCode {
  if (status === 408 || status === 429 || status >= 500) return "ERR_DELIVERY_OVERLOADED";
  if (status === 401 || status === 403) return "ERR_DELIVERY_UNAUTHORIZED";
  // `fetch` of a browser hides a redirect behind status 0.
  if (SETTINGS.has(status) || status < 400) return "ERR_DELIVERY_MISCONFIGURED";
  if (status === 413) return "ERR_DELIVERY_TOO_LARGE";
  return "ERR_DELIVERY_REJECTED";
}

/** What to do; empty where the receiver's words have to be enough. */
function advice(response: Response): string {
  const { status } = response;
  if (status === 401) return "check auth: the user name, and what the secret's file or command holds";
  if (status === 403) return "check auth and tenant: this credential may not write there";
  const setting = SETTINGS.get(status);
  if (setting !== undefined) return setting;
  if (status < 400)
    return `redirects are not followed, set url to the final address${redirectTarget(response)}`;
  if (status === 413) return "a smaller batch may pass";
  if (status === 408 || status === 429 || status >= 500) return "it can be tried again later";
  return "";
}

/** Where a redirect points, without its query, which may hold a token. */
function redirectTarget(response: Response): string {
  const location = response.headers.get("location");
  if (location === null) return "";
  try {
    const { origin, pathname } = new URL(location, response.url || undefined);
    return ` (${origin}${pathname.slice(0, 200)})`;
  } catch {
    return "";
  }
}
