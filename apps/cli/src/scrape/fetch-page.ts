import type { ExpositionFormat } from "@promferry/core/text-format";

export interface FetchPageOptions {
  /** Longest wait for the whole page, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Largest page after decompression, in bytes. Default 32 MiB. */
  readonly maxBytes?: number;
  /** Whether only the text format is asked for. Default false. */
  readonly textOnly?: boolean;
}

export interface FetchedPage {
  readonly bytes: Uint8Array;
  readonly format: Extract<ExpositionFormat, "scrape" | "openmetrics">;
}

const MAX_PAGE_BYTES = 32 * 1024 * 1024;
const TEXT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const ANY = `application/openmetrics-text;version=1.0.0;q=0.6,${TEXT}`;

/**
 * Gets a metrics page, compressed where the server can, and follows redirects as Prometheus does. A
 * content type that is not OpenMetrics is taken for the text format.
 *
 * @throws {Error} Says in a few words why there is no page, or the reason of `signal`.
 */
export async function fetchPage(url: string, options: FetchPageOptions): Promise<FetchedPage> {
  const { timeoutMs, signal, maxBytes = MAX_PAGE_BYTES, textOnly = false } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      headers: {
        accept: textOnly ? TEXT : ANY,
        "accept-encoding": "gzip",
        "x-prometheus-scrape-timeout-seconds": String(timeoutMs / 1000),
      },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the server answered with ${response.status}`);
    }
    const type = response.headers.get("content-type") ?? "";
    const bytes = await readBounded(response, maxBytes);
    return { bytes, format: /^application\/openmetrics-text\b/i.test(type) ? "openmetrics" : "scrape" };
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new Error(`no whole page came within ${timeoutMs / 1000} s`);
    throw new Error(reasonOf(error), { cause: error });
  }
}

/** The body after decompression; what is too long is not read to its end. */
async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the page is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `fetch` says only "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED)";
  if (code === "ENOTFOUND") return "there is no such host (ENOTFOUND)";
  return code ? `${cause.message || error.message} (${code})` : cause.message;
}
