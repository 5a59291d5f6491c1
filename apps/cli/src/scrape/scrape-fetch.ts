import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import type { TlsTexts } from "../upload/http-client.ts";

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * A `fetch` for GET that asks as Prometheus does: on every port (the platform's own refuses 10080, 6000 and eighty others, as
 * browsers do), with no headers but those that it is given, over at most ten redirects. A gzip body has to be whole: where its
 * end is missing, reading it fails. `authorization` stays with the first server.
 *
 * Takes a URL as a text, and of its second argument `headers` (a plain object) and `signal`.
 */
export function createScrapeFetch(tls: TlsTexts = {}): typeof fetch {
  let loaded: Promise<{ request: typeof import("undici").request; dispatcher: Dispatcher }> | undefined;

  async function load() {
    const { Agent, request } = await import("undici");
    // The caller's signal bounds all of it.
    return { request, dispatcher: new Agent({ connect: tls, headersTimeout: 0, bodyTimeout: 0 }) };
  }

  async function get(first: string, { headers: given, signal }: RequestInit = {}): Promise<Response> {
    loaded ??= load();
    const { request, dispatcher } = await loaded;
    let headers = given as Record<string, string>;
    let url = new URL(first);
    for (let hop = 0; ; hop++) {
      const answer = await request(url, { dispatcher, headers, ...(signal && { signal }) });
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.statusCode) || typeof location !== "string") return responseOf(answer);
      await answer.body.dump();
      if (hop === MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`);
      const next = new URL(location, url);
      if (next.origin !== url.origin) {
        const { authorization: _, ...others } = headers;
        headers = others;
      }
      url = next;
    }
  }

  return get as typeof fetch;
}

/** @throws {Error} The body is compressed in a way that nobody asked for. */
function responseOf({ statusCode: status, headers, body }: Dispatcher.ResponseData): Response {
  const shown = new Headers();
  for (const [name, value = []] of Object.entries(headers)) {
    for (const each of [value].flat()) shown.append(name, each);
  }
  const encoding = shown.get("content-encoding")?.toLowerCase() ?? "identity";
  if (encoding !== "gzip" && encoding !== "identity") {
    body.destroy();
    throw new Error(
      `the server compresses with ${JSON.stringify(encoding.slice(0, 40))}; asked for was gzip`,
    );
  }
  if ([204, 205, 304].includes(status)) {
    body.destroy();
    return new Response(null, { status, headers: shown });
  }
  const stream = encoding === "gzip" ? pipeline(body, createGunzip(), () => {}) : body;
  return new Response(Readable.toWeb(stream) as ReadableStream, { status, headers: shown });
}
