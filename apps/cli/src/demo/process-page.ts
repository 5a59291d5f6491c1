import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Registry } from "prom-client";

/** A `/metrics` page of this very process on a free loopback port, as any exporter would serve it. */
export async function serveProcessPage(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const server = createServer((_, response) => {
    register.metrics().then(
      (page) => response.writeHead(200, { "content-type": register.contentType }).end(page),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
