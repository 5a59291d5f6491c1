import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { decodeBody, type ReceivedSample } from "./decode-body.ts";

const SAMPLES_WRITTEN = "X-Prometheus-Remote-Write-Samples-Written";

/** What happens to one request. `takes`: whether the receiver keeps it. */
export type ReceiverFault =
  | { readonly kind: "none" }
  | { readonly kind: "cut"; readonly at: "headers" | "body" | "answer" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "twice" }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly takes: boolean;
      readonly retryAfter?: string;
    }
  | { readonly kind: "lie"; readonly written: string }
  /** 400 for some samples, of which it keeps none, and all others are stored and counted. */
  | { readonly kind: "partial"; readonly refuses: (id: string) => boolean }
  | { readonly kind: "down"; readonly takes: boolean };

export interface FaultServer {
  readonly url: string;
  /** Whether connections are refused. */
  readonly isDown: boolean;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface FaultServerOptions {
  /** What happens to the next request. */
  readonly next: (samples: readonly ReceivedSample[]) => ReceiverFault;
  /**
   * Keeps a request. `isCertain`: its sender will be told so.
   *
   * @returns The status to answer with.
   */
  readonly take: (request: TakenRequest, isCertain: boolean) => Promise<number> | number;
  /** Told of each request that had come whole, before anything is done with it. */
  readonly arrived: (samples: readonly ReceivedSample[]) => void;
}

export interface TakenRequest {
  readonly samples: readonly ReceivedSample[];
  readonly body: Buffer;
  readonly headers: IncomingMessage["headers"];
}

/** A receiver on loopback that fails as it is told to. */
export async function startFaultServer(options: FaultServerOptions): Promise<FaultServer> {
  let server: Server;
  let port = 0;
  let isDown = false;
  const listen = async () => {
    server = createServer((message, response) => {
      answer(message, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    port = (server.address() as AddressInfo).port;
    isDown = false;
  };
  const stop = async () => {
    if (isDown) return;
    isDown = true;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const samples = decodeBody(message.headers["content-type"] ?? "", body);
    const request = { samples, body, headers: message.headers };
    const fault = options.next(samples);
    // Cut before its end, the receiver has seen nothing that it could keep.
    if (fault.kind === "cut" && fault.at !== "answer") return void message.socket.destroy();
    options.arrived(samples);
    if (fault.kind === "cut") {
      await options.take(request, false);
      return void message.socket.destroy();
    }
    if (fault.kind === "down") {
      if (fault.takes) await options.take(request, false);
      await stop();
      return;
    }
    if (fault.kind === "status" && fault.status >= 300) {
      if (fault.takes) await options.take(request, false);
      const more = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
      return void response.writeHead(fault.status, more).end("no");
    }
    if (fault.kind === "partial") {
      const good = samples.filter(([id]) => !fault.refuses(id));
      await options.take({ ...request, samples: good }, true);
      response.setHeader(SAMPLES_WRITTEN, String(good.length));
      return void response.writeHead(400).end("some of it");
    }
    const isSlow = fault.kind === "wait" && fault.ms > 20;
    if (fault.kind === "twice") await options.take(request, false);
    const status = await options.take(request, !isSlow && fault.kind !== "lie");
    if (fault.kind === "wait") await delay(fault.ms);
    const written = fault.kind === "lie" ? fault.written : String(samples.length);
    response.setHeader(SAMPLES_WRITTEN, written);
    response.writeHead(fault.kind === "status" ? fault.status : status).end();
  }

  await listen();
  return {
    url: `http://127.0.0.1:${port}/write`,
    get isDown() {
      return isDown;
    },
    restart: async () => {
      if (isDown) await listen();
    },
    close: stop,
  };
}
