/** A real node exporter, scraped by `collect` and by Prometheus itself: the same series. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  type Labels,
  requireServer,
  runCli,
  samplesOf,
  startNodeExporter,
  startPrometheus,
} from "./harness/index.ts";

test("collect and upload bring the series that Prometheus scrapes itself", async (context) => {
  requireServer(context, "prometheus", "node-exporter");
  const exporter = await startNodeExporter();
  context.onTestFinished(exporter.stop);
  const target = new URL(exporter.url).host;
  const scraping = await startPrometheus({
    scrapeConfigs: [{ job_name: "node", scrape_interval: "1s", static_configs: [{ targets: [target] }] }],
  });
  context.onTestFinished(scraping.stop);
  const receiving = await startPrometheus();
  context.onTestFinished(receiving.stop);
  const home = await mkdtemp(join(tmpdir(), "promferry-collect-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const config = {
    metrics: {
      dir: join(home, "metrics"),
      destinations: [{ name: "there", type: "prometheus", url: `${receiving.url}/api/v1/write` }],
    },
  };
  await writeFile(join(home, "config.yaml"), JSON.stringify(config));
  const cli = (...args: string[]) => runCli([...args, "--config", join(home, "config.yaml")]);
  const startedMs = Date.now() - 60_000;

  expect(await cli("collect", `${exporter.url}/metrics`, "--job", "node", "--once")).toMatchObject({
    code: 0,
  });
  expect(await cli("upload-metrics", "--now", "--json")).toMatchObject({ code: 0 });

  const selector = '{job="node"}';
  const names = async (url: string) =>
    seriesNames((await samplesOf(url, selector, startedMs, Date.now())).map(({ labels }) => labels));
  await expect.poll(async () => (await names(scraping.url)).length, { timeout: 20_000 }).toBeGreaterThan(300);
  const own = await names(scraping.url);
  const brought = await names(receiving.url);
  expect(brought).toEqual(own);
});

function seriesNames(all: readonly Labels[]): string[] {
  return all
    .map((labels) => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort();
}
