/**
 * What can come where a list was asked for, and what consumers make of it with the generated job: targets.md 2, and what
 * a network adds.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

/** Two targets, as the service writes them. */
export const LIST: string = listOf("127.34.0.1:9100", "127.34.0.2:9100");

export function listOf(...addresses: readonly string[]): string {
  return `${JSON.stringify(addresses.map((address, i) => group(address, i + 1)))}\n`;
}

function group(address: string, n: number, more: object = {}): object {
  const labels = {
    __meta_ferry_instance: `i-${n}`,
    __meta_ferry_project: "p-1",
    __meta_ferry_service: "web",
  };
  return { targets: [address], labels: { ...labels, ...more } };
}

/** `kept`: both targets stay, be it that the answer was refused or that it was read and has them. `lost`: none is left. */
export type Outcome = "kept" | "lost";

export interface ListFault {
  readonly name: string;
  readonly prometheus: Outcome;
  readonly vmagent: Outcome;
  /** vmagent asks for one list after the other, and waits for this one: a held connection, or its own pauses after a 429. */
  readonly stalls?: boolean;
  readonly answer: (response: ServerResponse, request: IncomingMessage) => void;
}

const KEPT = { prometheus: "kept", vmagent: "kept" } as const;

function json(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
  };
}

function status(code: number, headers: Readonly<Record<string, string>> = {}, body = "[]") {
  return (response: ServerResponse): void => {
    response
      .writeHead(code, { "content-type": "application/json", ...headers })
      .end([204, 304].includes(code) ? undefined : body);
  };
}

/** The list, one target of which says something odd. */
function oddly(more: object, second: object = group("127.34.0.2:9100", 2)): string {
  return JSON.stringify([group("127.34.0.1:9100", 1), second, more]);
}

export const LIST_FAULTS: readonly ListFault[] = [
  // The only two that cost targets. The service never answers so while it holds any, and `sync` does not believe `null`.
  { name: "an empty list", prometheus: "lost", vmagent: "lost", answer: json("[]") },
  { name: "null", prometheus: "lost", vmagent: "lost", answer: json("null") },

  ...[500, 503, 404, 401, 429, 204, 304].map((code) => ({
    name: `status ${code}`,
    ...KEPT,
    stalls: code === 429,
    answer: status(code),
  })),
  { name: "a redirect to an empty list", ...KEPT, answer: status(302, { location: "/empty" }) },
  { name: "a permanent redirect to an empty list", ...KEPT, answer: status(301, { location: "/empty" }) },
  {
    name: "a redirect to another host's empty list",
    ...KEPT,
    answer: (response, request) =>
      status(307, { location: `http://127.34.9.9:${request.socket.localPort}/empty` })(response),
  },

  { name: "silence", ...KEPT, stalls: true, answer: () => {} },
  {
    name: "headers and then silence",
    ...KEPT,
    stalls: true,
    answer: (response) => {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    },
  },
  {
    name: "a list slower than the time limit",
    ...KEPT,
    stalls: true,
    answer: (response) => drip(response, LIST),
  },
  { name: "an endless answer", ...KEPT, stalls: true, answer: flood },
  { name: "a cut connection", ...KEPT, answer: (response) => void response.socket?.destroy() },
  {
    name: "a connection cut inside the list",
    ...KEPT,
    answer: (response) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(LIST),
      });
      response.write(LIST.slice(0, LIST.length / 2), () => response.socket?.destroy());
    },
  },

  { name: "an empty body", ...KEPT, answer: json("") },
  { name: "half a list", ...KEPT, answer: json(LIST.slice(0, LIST.length / 2)) },
  {
    name: "a page for people",
    ...KEPT,
    answer: json("<html>It works!</html>", { "content-type": "text/html" }),
  },
  { name: "an object", ...KEPT, answer: json("{}") },
  { name: "a list of null", prometheus: "kept", vmagent: "lost", answer: json("[null]") },
  { name: "text after the list", ...KEPT, answer: json(`${LIST}]`) },
  { name: "a byte order mark", ...KEPT, answer: json(`\ufeff${LIST}`) },
  { name: "a number for a label", ...KEPT, answer: json(oddly({ targets: [], labels: { n: 1 } })) },
  {
    name: "an empty label name",
    ...KEPT,
    answer: json(oddly({ targets: [], labels: { "": "x" } })),
  },
  {
    name: "an unknown field",
    ...KEPT,
    answer: json(oddly({ targets: [], id: "i-3" })),
  },
  {
    name: "null for a label",
    ...KEPT,
    answer: json(oddly({ targets: [], labels: { n: null } })),
  },
  {
    name: "plain text for a type",
    ...KEPT,
    answer: json(LIST, { "content-type": "text/plain" }),
  },
  {
    name: "another charset",
    ...KEPT,
    answer: json(LIST, { "content-type": "application/json; charset=iso-8859-1" }),
  },
  {
    name: "gzip that nobody asked for",
    ...KEPT,
    answer: json(gzipSync(LIST), { "content-encoding": "gzip" }),
  },
  {
    name: "a target that is none",
    ...KEPT,
    answer: json(oddly(group("http://127.34.0.3:9100/admin", 3))),
  },
];

/** A byte now and then. */
function drip(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json" });
  let at = 0;
  const timer = setInterval(() => {
    response.write(text[at++ % text.length]);
  }, 100);
  response.once("close", () => clearInterval(timer));
}

/** A list that does not end, as fast as it is taken, up to 64 MiB a request. */
function flood(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  const chunk = Buffer.alloc(1024 * 1024, " ");
  let left = 64;
  const more = (): void => {
    if (response.destroyed) return;
    if (left-- > 0) response.write(chunk, more);
  };
  response.write("[", more);
}
