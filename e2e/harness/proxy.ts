import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** How far a request has come. */
export type FaultPoint =
  | "headers" // nothing has been forwarded
  | "mid-body" // the target has the headers and half of the body
  | "response"; // the target has answered, the client has nothing yet

export type Fault =
  /** Closes the client's connection at this point. */
  | { readonly cut: FaultPoint }
  /** Says nothing more from this point on, until the client goes away. For a client that is to be killed here. */
  | { readonly hold: FaultPoint }
  /** Forwards after this many milliseconds. */
  | { readonly delayMs: number }
  /** Answers in the target's place; nothing is forwarded. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

export interface ProxiedRequest {
  /** 1 for the first request that came. */
  readonly n: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** What the client sent, as far as it was read. */
  body: Buffer;
  /** What was done to it; undefined: passed through. */
  readonly fault: Fault | undefined;
  /** Status that the target answered, when it did. */
  targetStatus: number | undefined;
}

export interface Proxy {
  /** `http://127.0.0.1:<port>`; paths are the target's. */
  readonly url: string;
  /** Every request in the order of arrival. */
  readonly requests: readonly ProxiedRequest[];
  /** Resolves when the first cut or hold has reached its point. */
  readonly hit: Promise<ProxiedRequest>;
  readonly stop: () => Promise<void>;
}

export interface ProxyOptions {
  /** Decides what happens to a request, once its headers are here. Default: everything passes. */
  readonly onRequest?: (seen: {
    readonly n: number;
    readonly method: string;
    readonly path: string;
  }) => Fault | undefined;
}

/** A loopback HTTP proxy in front of `targetUrl` that fails where a test says so. */
export async function startProxy(targetUrl: string, options: ProxyOptions = {}): Promise<Proxy> {
  const requests: ProxiedRequest[] = [];
  let reached: (seen: ProxiedRequest) => void = () => {};
  const hit = new Promise<ProxiedRequest>((resolve) => {
    reached = resolve;
  });

  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url: path = "/" } = incoming;
    const n = requests.length + 1;
    const fault = options.onRequest?.({ n, method, path });
    const seen: ProxiedRequest = {
      n,
      method,
      path,
      headers: incoming.headers,
      body: Buffer.alloc(0),
      fault,
      targetStatus: undefined,
    };
    requests.push(seen);
    forward(incoming, outgoing, seen, new URL(path, targetUrl), () => reached(seen)).catch((error: Error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end(`proxy: ${error.message}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hit,
    async stop() {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  seen: ProxiedRequest,
  target: URL,
  reached: () => void,
): Promise<void> {
  const { fault } = seen;
  /** Whether the request ends here. */
  const failsAt = (point: FaultPoint): boolean => {
    const cut = fault !== undefined && "cut" in fault && fault.cut === point;
    const held = fault !== undefined && "hold" in fault && fault.hold === point;
    if (cut) incoming.socket.destroy();
    if (cut || held) reached();
    return cut || held;
  };

  if (failsAt("headers")) return;
  seen.body = await readBody(incoming);
  if (fault !== undefined && "status" in fault) {
    outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? "");
    return;
  }
  if (fault !== undefined && "delayMs" in fault) await delay(fault.delayMs);

  const upstream = request(target, {
    method: seen.method,
    headers: { ...seen.headers, host: target.host, "content-length": seen.body.length },
    agent: false,
  });
  const giveUp = (): void => void upstream.destroy();
  incoming.socket.once("close", giveUp);
  upstream.once("close", () => incoming.socket.off("close", giveUp));
  const half = Math.ceil(seen.body.length / 2);
  // The callback runs when the bytes have been handed to the target's socket.
  await new Promise<void>((resolve, reject) => {
    upstream.once("error", reject);
    upstream.write(seen.body.subarray(0, half), () => resolve());
  });
  if (failsAt("mid-body")) return;
  upstream.end(seen.body.subarray(half));

  const [answer] = (await once(upstream, "response")) as [IncomingMessage];
  const answerBody = await readBody(answer);
  seen.targetStatus = answer.statusCode;
  if (failsAt("response")) return;
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(answerBody);
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
