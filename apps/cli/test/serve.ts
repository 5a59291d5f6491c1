import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type ReceiverOptions, startReceiver } from "../src/receiver/receiver.ts";
import { temporaryFolder } from "./run-cli.ts";

/** A server on a free loopback port for the time of a test; its address without a slash at the end. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The product's own receiver for the time of a test, or until it is closed. */
export async function serveReceiver({ closeWithinMs }: Pick<ReceiverOptions, "closeWithinMs"> = {}): Promise<{
  url: string;
  dir: string;
  close(): Promise<void>;
}> {
  const dir = temporaryFolder();
  const receiver = await startReceiver({
    dir,
    dayBoundary: "utc",
    now: Date.now,
    host: "127.0.0.1",
    port: 0,
    ...(closeWithinMs !== undefined && { closeWithinMs }),
  });
  onTestFinished(() => receiver.close());
  return { url: receiver.url, dir, close: () => receiver.close() };
}

/** An address at which nothing listens. */
export async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
