import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ExpositionError, parseExposition } from "@promferry/core/text-format";
import { BatchRefusal, createRemoteWriteHandler } from "@promferry/remote-write/receiver";
import { isLoopbackHost } from "../config/check-url.ts";
import { readPushPath, withGrouping } from "./push-path.ts";
import { RequestError, readBody } from "./read-body.ts";
import { readJsonLines } from "./read-json-lines.ts";
import {
  createReceivedJournal,
  type ReceivedCounts,
  type ReceivedJournalOptions,
} from "./received-journal.ts";

export interface ReceiverOptions extends ReceivedJournalOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How long `close` waits for requests under way, in milliseconds. Default 5,000. */
  readonly closeWithinMs?: number;
}

/**
 * A receiver that stores into a journal.
 *
 * | path | takes |
 * | --- | --- |
 * | POST /api/v1/write, /api/v1/push, /api/prom/push | remote write 1.0 and 2.0 |
 * | PUT, POST, DELETE /metrics/job/… | what a Pushgateway takes; nothing is replaced or deleted, every push is kept |
 * | POST /ingest, /api/v1/import/prometheus | Prometheus text or, as application/openmetrics-text, OpenMetrics or, as application/json or x-ndjson, JSON lines |
 * | GET / | what came so far, as JSON |
 *
 * A 2xx means that the samples are on the disk, all of them. Requests from web pages are refused (any with an
 * `Origin`), and so is, on a loopback address, a `Host` that isn't this machine.
 */
export interface Receiver {
  readonly url: string;
  readonly counts: ReceivedCounts;
  /** Takes no more requests and resolves when those under way are answered, or their senders cut off. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** @throws {Error} The address can't be listened on, with the system's `code`. */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { host, port, closeWithinMs = 5000 } = options;
  const journal = createReceivedJournal(options);
  const remoteWrite = createRemoteWriteHandler({ onBatch: (batch) => journal.storeBatch(batch) });
  const isLocal = isLoopbackHost(host.includes(":") ? `[${host}]` : host);

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    refuseForeign(request, isLocal);
    const pathname = pathOf(request);
    const { method = "" } = request;
    if (pathname === "/" && method === "GET") {
      answer(
        response,
        200,
        `${JSON.stringify({ dir: options.dir, ...journal.counts })}\n`,
        "application/json",
      );
    } else if (/^\/api\/(v1\/write|v1\/push|prom\/push)$/.test(pathname)) {
      await remoteWrite(request, response);
    } else if (pathname === "/ingest" || pathname === "/api/v1/import/prometheus") {
      if (method !== "POST") throw new RequestError(405, "metrics are sent there by POST");
      await journal.storeFamilies(parseImport(await readBody(request, MAX_BODY_BYTES), request));
      answer(response, 204);
    } else {
      const grouping = readPushPath(pathname);
      if (!grouping) throw new RequestError(404, `nothing is taken at ${pathname.slice(0, 100)}`);
      if (method === "DELETE") return answer(response, 202);
      if (method !== "PUT" && method !== "POST") throw new RequestError(405, "push by PUT, POST or DELETE");
      const families = parseExposition(await readBody(request, MAX_BODY_BYTES), { format: "prometheus" });
      if (families.some((family) => family.timestampsMs.some((at) => !Number.isNaN(at)))) {
        throw new RequestError(400, "pushed metrics must not have timestamps");
      }
      await journal.storeFamilies(withGrouping(families, grouping));
      answer(response, 200);
    }
  }

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      const { status, message } = describeError(error);
      answer(response, status, `${message}\n`);
      // A sender that is cut off in the middle of its body never reads why.
      request.resume();
    });
  });
  server.requestTimeout = 60_000;
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    counts: journal.counts,
    async close() {
      await new Promise<void>((resolve) => {
        const cutOff = setTimeout(() => server.closeAllConnections(), closeWithinMs);
        server.close(() => {
          clearTimeout(cutOff);
          resolve();
        });
        server.closeIdleConnections();
      });
      await journal.close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A page in somebody's browser may send to a loopback port without asking; a program has no Origin. */
function refuseForeign({ headers }: IncomingMessage, isLocal: boolean): void {
  if (headers.origin !== undefined) throw new RequestError(403, "web pages may not write here");
  const host = `http://${headers.host ?? ""}`;
  if (isLocal && !(URL.canParse(host) && isLoopbackHost(new URL(host).hostname))) {
    throw new RequestError(403, "this receiver is for this machine alone");
  }
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const base = "http://receiver";
  if (!URL.canParse(url, base)) throw new RequestError(400, "the request names no path");
  return new URL(url, base).pathname;
}

function parseImport(body: Buffer, { headers }: IncomingMessage) {
  const type = headers["content-type"] ?? "";
  if (/json/i.test(type)) return readJsonLines(body.toString("utf8"));
  return parseExposition(body, { format: /openmetrics/i.test(type) ? "openmetrics" : "scrape" });
}

function describeError(error: unknown): { status: number; message: string } {
  if (error instanceof RequestError) return { status: error.status, message: error.message };
  if (error instanceof BatchRefusal)
    return { status: error.code === "ERR_BATCH_TOO_LARGE" ? 413 : 400, message: error.message };
  if (error instanceof ExpositionError || error instanceof RangeError)
    return { status: 400, message: error.message };
  return { status: 500, message: "the samples could not be stored; send the request again" };
}

function answer(
  response: ServerResponse,
  status: number,
  text?: string,
  type = "text/plain; charset=utf-8",
): void {
  if (response.headersSent) return;
  if (text === undefined) response.writeHead(status).end();
  else response.writeHead(status, { "content-type": type }).end(text);
}
