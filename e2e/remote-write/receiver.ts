import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FamilyMetadata } from "@promferry/core/series";
import { createRemoteWriteHandler, type ReceivedBatch } from "@promferry/remote-write/receiver";
import type { TestContext } from "vitest";
import { startServer } from "../harness/server-process.ts";

export const PAGE: string =
  '# HELP page_views_total Views.\n# TYPE page_views_total counter\npage_views_total{page="größe 🛳️"} 42.5\n';

/** Our handler at `/write`, and a page to scrape at any other path. */
export async function startReceiver({ onTestFinished }: Pick<TestContext, "onTestFinished">) {
  const batches: ReceivedBatch[] = [];
  const statuses = new Set<number>();
  const handler = createRemoteWriteHandler({ onBatch: async (batch) => void batches.push(batch) });
  const server = createServer((request, response) => {
    if (request.url !== "/write") {
      response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4" }).end(PAGE);
      return;
    }
    response.once("finish", () => statuses.add(response.statusCode));
    void handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    statuses,
    /** Values and labels of one metric; the port of `instance` is left out. */
    samples: (name: string): string[] =>
      batches
        .flatMap((batch) => batch.series.filter((one) => one.name === name))
        .flatMap(({ labels, values }) => {
          const set = Object.fromEntries(labels.map((l) => [l.name, l.name === "instance" ? "*" : l.value]));
          return values.map((value) => `${value} ${JSON.stringify(set)}`);
        }),
    metadata: (family: string): FamilyMetadata | undefined =>
      batches.flatMap(({ metadata }) => metadata).find(({ name }) => name === family),
    protocols: (): ReadonlySet<number> => new Set(batches.map(({ protocol }) => protocol)),
  };
}

/**
 * A Prometheus that scrapes the receiver's page each second and sends it what it finds.
 *
 * @param remoteWrite Settings of its one entry in `remote_write`, besides the URL.
 * @param flags Each as `--name=value`.
 */
export async function startSender(
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
  receiver: { readonly url: string },
  remoteWrite: object,
  flags: readonly string[] = [],
): Promise<void> {
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "self", static_configs: [{ targets: [new URL(receiver.url).host] }] }],
    remote_write: [{ url: `${receiver.url}/write`, ...remoteWrite }],
  };
  const prometheus = await startServer({
    name: "prometheus",
    readyPath: "/-/ready",
    // JSON is YAML.
    prepare: (dir) => writeFile(join(dir, "prometheus.yml"), JSON.stringify(config)),
    args: ({ host, dir }) => [
      `--config.file=${join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=${host}`,
      ...flags,
    ],
  });
  onTestFinished(prometheus.stop);
}
