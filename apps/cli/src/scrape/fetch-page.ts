import { defaultUserAgent, LONGEST_TIMER_MS } from "@promferry/core/delivery";
import { acceptHeader, type PageFormat, pageFormat } from "./page-format.ts";
import type { ScrapeClient } from "./scrape-job.ts";

export interface FetchPageOptions {
  /** Longest wait for the whole page, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Largest page, as its `Content-Length` says and after decompression, in bytes. Default 32 MiB. */
  readonly maxBytes?: number;
  /** What is asked for; another one is taken as well. */
  readonly formats: readonly PageFormat[];
  readonly client: ScrapeClient;
}

export interface FetchedPage {
  readonly bytes: Uint8Array;
  readonly format: PageFormat;
}

/** The largest page where nothing else is said: 32 MiB. */
export const MAX_PAGE_BYTES: number = 32 * 1024 * 1024;

/**
 * Gets a metrics page, compressed where the server can, and follows redirects as Prometheus does.
 * The credentials stay with the first server.
 *
 * @throws {Error} Says in a few words why there is no page, or the reason of `signal`.
 */
export async function fetchPage(url: string, options: FetchPageOptions): Promise<FetchedPage> {
  const { timeoutMs, signal, maxBytes = MAX_PAGE_BYTES, formats, client } = options;
  const headers = {
    accept: acceptHeader(formats),
    "x-prometheus-scrape-timeout-seconds": String(timeoutMs / 1000),
  };
  const fetching = { timeoutMs, signal, maxBytes, client, headers, what: "page" } as const;
  return fetchBounded(url, fetching, async (response, read) => {
    if (response.status !== 200) throw new Error(`the server answered with ${response.status}`);
    return { bytes: await read(), format: pageFormat(response.headers.get("content-type") ?? "") };
  });
}

export interface FetchBoundedOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly maxBytes: number;
  readonly client: ScrapeClient;
  readonly headers: Readonly<Record<string, string>>;
  /** What is fetched, for messages. */
  readonly what: "page" | "list";
}

/**
 * One GET with a time limit over all of it.
 *
 * @param take Gets the response, and a function that reads its body within `maxBytes`.
 * @throws {Error} As {@link fetchPage}.
 */
export async function fetchBounded<T>(
  url: string,
  options: FetchBoundedOptions,
  take: (response: Response, read: () => Promise<Uint8Array>) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal, maxBytes, client, what } = options;
  const authorization = await client.authorization?.();
  signal?.throwIfAborted();
  const ending = new AbortController();
  // An `AbortSignal.any` for every scrape would pile up on a signal that lives as long as the process.
  const stop = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      ending.abort(new Error("timeout"));
    },
    Math.min(timeoutMs, LONGEST_TIMER_MS),
  );
  try {
    const response = await client.fetch(url, {
      headers: {
        ...options.headers,
        "accept-encoding": "gzip",
        "user-agent": defaultUserAgent(),
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal: ending.signal,
    });
    if (response.status === 401 || response.status === 403) client.onRefused?.();
    return await take(response, () => readBounded(response, maxBytes, what));
  } catch (error) {
    signal?.throwIfAborted();
    if (late) throw new Error(`no whole ${what} came within ${timeoutMs / 1000} s`);
    throw new Error(reasonOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    // What was not read to its end is not wanted.
    ending.abort();
  }
}

/** The body after decompression; what is too long is not read to its end. */
async function readBounded(response: Response, maxBytes: number, what: string): Promise<Uint8Array> {
  const tooLong = () => new Error(`the ${what} is longer than ${maxBytes} bytes`);
  if (Number(response.headers.get("content-length") ?? 0) > maxBytes) throw tooLong();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a user can do something with. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED)";
  if (code === "ENOTFOUND") return "there is no such host (ENOTFOUND)";
  if (code === "Z_BUF_ERROR") return "the compressed body has no end";
  return code ? `${message} (${code})` : message;
}
