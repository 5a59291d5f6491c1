import type { Output } from "../output.ts";

/**
 * The same `fetch`, telling each request and its answer: method, address, status, time and size. No header, no body
 * and no query: they may hold what must not be printed.
 */
export function traceFetch(inner: typeof fetch, out: Output, now: () => number): typeof fetch {
  return async (input, init) => {
    const { protocol, host, pathname } = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : "GET");
    const request = `${method} ${protocol}//${host}${pathname}${sizeOf(init?.body)}`;
    const start = now();
    try {
      const answer = await inner(input, init);
      out.detail(`${request}: ${answer.status} in ${Math.round(now() - start)} ms`);
      return answer;
    } catch (error) {
      out.detail(`${request}: no answer after ${Math.round(now() - start)} ms`);
      throw error;
    }
  };
}

function sizeOf(body: RequestInit["body"]): string {
  if (typeof body === "string") return ` (${Buffer.byteLength(body)} bytes)`;
  return body instanceof Uint8Array ? ` (${body.byteLength} bytes)` : "";
}
