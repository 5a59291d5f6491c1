import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Ending } from "./service.ts";

/** Listens on an address of 127/8 until the test has ended. @returns The port. */
export async function serveOn(
  context: Ending,
  host: string,
  port: number,
  listener: RequestListener,
): Promise<number> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  context.onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** An exporter's page. */
export function page(text: string): RequestListener {
  return (_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(text);
  };
}
