import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it came over the wire. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query, still encoded. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As sent: compressed, where the sender compressed it. */
  readonly body: Buffer;
}

/** Answers one request, or destroys its socket. The request is counted already. */
export type Answer = (request: ReceivedRequest, response: ServerResponse) => void;

/** A server of this process on a free loopback port. */
export interface Receiver {
  /** Origin without a trailing slash. */
  readonly url: string;
  /** Complete requests so far, in order of arrival. */
  readonly requests: readonly ReceivedRequest[];
  close(): Promise<void>;
}

/**
 * Starts a receiver that keeps every request.
 *
 * @param answer Default: 200 with an empty body.
 */
export async function startReceiver(answer: Answer = (_, response) => response.end()): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((message, response) => {
    readRequest(message).then(
      (request) => {
        requests.push(request);
        answer(request, response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(message: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const headers = message.headers as Record<string, string | undefined>;
  return { method: message.method ?? "", path: message.url ?? "", headers, body: Buffer.concat(chunks) };
}
