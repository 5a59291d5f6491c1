import { createServer, type Server } from "node:http";
import { IDENTITY_METRIC } from "@promferry/target-registry/render";
import { addressOf, instanceId } from "./simulate-fleet.ts";

const GIB = 2 ** 30;

/** One exporter on each simulated address: two cores at a quarter, 1 of 4 GiB in use, 1,000 B/s in and 250 out. */
export async function serveExporters(options: {
  readonly instances: number;
  readonly service: string;
  readonly network: string;
  readonly port: number;
}): Promise<{ close(): void }> {
  const { instances, service, network, port } = options;
  const start = performance.now();
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  };
  try {
    for (let n = 0; n < instances; n++) {
      const server = createServer((_, response) => {
        response.setHeader("content-type", "text/plain; version=0.0.4");
        response.end(pageOf(instanceId(service, n), (performance.now() - start) / 1_000));
      });
      servers.push(server);
      await new Promise<void>((resolve, reject) =>
        server.once("error", reject).listen(port, addressOf(network, n), resolve),
      );
    }
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function pageOf(id: string, seconds: number): string {
  return [
    `${IDENTITY_METRIC}{instance_id="${id}"} 1`,
    ...["0", "1"].flatMap((cpu) => [
      `node_cpu_seconds_total{cpu="${cpu}",mode="user"} ${seconds / 4}`,
      `node_cpu_seconds_total{cpu="${cpu}",mode="idle"} ${(seconds * 3) / 4}`,
    ]),
    `node_memory_MemTotal_bytes ${4 * GIB}`,
    `node_memory_MemAvailable_bytes ${3 * GIB}`,
    `node_network_receive_bytes_total{device="eth0"} ${seconds * 1_000}`,
    `node_network_transmit_bytes_total{device="eth0"} ${seconds * 250}`,
    "",
  ].join("\n");
}
