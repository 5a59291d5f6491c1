import type { EpochMs } from "../series/series.ts";

/** How HTTP destinations reach their receiver. All have these options. */
export interface HttpOptions {
  /** Makes the requests; a proxy or client certificates come in here. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
  /**
   * The value of the `Authorization` header, asked for before each request, and only then.
   * `undefined` sends none. Default: none.
   */
  readonly authorization?: () => Promise<string | undefined>;
  /**
   * Sent with each request and, since they may hold secrets, part of no {@link EncodedRequest}.
   * The protocol's own headers win over them. Default: none.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait for a complete answer, in milliseconds, above 0; more than 24 days, `Infinity` too, are 24 days. Default 30 000. */
  readonly timeoutMs?: number;
  /** Default `promferry/<version>`. */
  readonly userAgent?: string;
  /** Current time, for a `Retry-After` that is a date. Default `Date.now`. */
  readonly now?: () => EpochMs;
}

/** Headers that the protocol or the connection owns; names in lower case. */
const RESERVED_HEADERS = new Set([
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "retry-attempt",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "x-prometheus-remote-write-version",
]);

/**
 * Refuses headers that a user may not set, and those that HTTP cannot carry. Messages name the
 * header and never its value.
 *
 * @throws {TypeError}
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (RESERVED_HEADERS.has(name.toLowerCase())) {
      const instead = name.toLowerCase() === "authorization" ? "; use the setting auth" : "";
      throw new TypeError(`header ${JSON.stringify(name)} is set by the protocol${instead}`);
    }
    try {
      new Headers([[name, value]]);
    } catch {
      // The platform's own message quotes the value.
      throw new TypeError(`header ${JSON.stringify(name)} has a name or value that HTTP cannot carry`);
    }
  }
}
