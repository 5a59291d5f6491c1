import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface AgentServerOptions {
  readonly host: string;
  readonly port: number;
  /** The page of `/metrics`. */
  readonly page: () => Promise<string>;
  /** Undefined where all is well; else what is not ready yet. */
  readonly unready: () => string | undefined;
}

export interface AgentServer {
  /** Origin without a trailing slash. */
  readonly url: string;
  close(): Promise<void>;
}

const PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";
/** Whoever scrapes an agent needs one connection, two while it reconnects. */
const MAX_CONNECTIONS = 64;

/**
 * Serves `/-/healthy`, `/-/ready` (503 until it is) and `/metrics`, GET and HEAD only. At most 64 connections, headers
 * within 5 s, a request within 10 s; bodies are not read.
 *
 * @throws The system's error where the address can't be listened on.
 */
export async function startAgentServer({
  host,
  port,
  page,
  unready,
}: AgentServerOptions): Promise<AgentServer> {
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: string, type = TEXT_TYPE) => {
      const content = Buffer.from(body);
      response.writeHead(status, {
        "content-type": type,
        "content-length": content.length,
        "x-content-type-options": "nosniff",
        ...(status === 405 && { allow: "GET, HEAD" }),
      });
      response.end(request.method === "HEAD" ? undefined : content);
    };
    if (request.method !== "GET" && request.method !== "HEAD") return send(405, "GET and HEAD only\n");
    const path = (request.url ?? "").replace(/\?.*$/s, "");
    if (path === "/-/healthy") return send(200, "healthy\n");
    if (path === "/-/ready") {
      const missing = unready();
      return missing === undefined ? send(200, "ready\n") : send(503, `not ready: ${missing}\n`);
    }
    if (path === "/metrics") return send(200, await page(), PAGE_TYPE);
    send(404, "here are /metrics, /-/healthy and /-/ready\n");
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
