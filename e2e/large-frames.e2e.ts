/** Frames that are larger than a request, in requests of ten frames of some series each. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { createSeriesDictionary } from "@promferry/core/series";
import { expect, test } from "vitest";
import { query, requireServer, runCli, startPrometheus, startProxy } from "./harness/index.ts";

const SERIES = 21_000;
const FRAMES = 24;
const INTERVAL_MS = 300_000;

test("a Prometheus that takes nothing out of order has every sample of large frames", {
  timeout: 120_000,
}, async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const proxy = await startProxy(prometheus.url);
  context.onTestFinished(proxy.stop);
  const home = await mkdtemp(join(tmpdir(), "promferry-large-"));
  context.onTestFinished(() => rm(home, { recursive: true }));
  const dir = join(home, "metrics");

  const { intern } = createSeriesDictionary();
  const series = Array.from({ length: SERIES }, (_, i) =>
    intern("large_page_items", [{ name: "item", value: `item-${i}` }]),
  );
  const firstMs = Math.floor(Date.now() / 1000) * 1000 - FRAMES * INTERVAL_MS;
  const writer = createJournalWriter({
    dir,
    session: "0badcafe",
    origin: "scrape",
    consent: "user",
    info: { startedMs: firstMs, intervalMs: INTERVAL_MS },
  });
  for (let frame = 0; frame < FRAMES; frame++) {
    const values = series.map((_, i) => frame * SERIES + i);
    const timestampsMs = values.map(() => Number.NaN);
    const family = { name: "large_page_items", type: "gauge", help: "", unit: "" } as const;
    const families = [{ ...family, series, values, timestampsMs }];
    await writer.write({ kind: "full", families, atMs: firstMs + frame * INTERVAL_MS });
  }
  const config = join(home, "config.yaml");
  const destination = { name: "local", type: "prometheus", url: `${proxy.url}/api/v1/write` };
  await writeFile(config, JSON.stringify({ app: "large", metrics: { dir, destinations: [destination] } }));

  const upload = await runCli(["upload-metrics", "--config", config, "--to", "local", "--now", "--json"]);

  expect(upload, upload.stderr).toMatchObject({ code: 0 });
  const ask = async (promql: string) =>
    (await query(prometheus.url, promql)).map(({ value }) => Number(value));
  expect(await ask(`count(count_over_time(large_page_items[3h]) == ${FRAMES})`)).toEqual([SERIES]);
  expect(await ask(`count(last_over_time(large_page_items[3h]) >= ${(FRAMES - 1) * SERIES})`)).toEqual([
    SERIES,
  ]);
  expect(await ask("sum(resets(large_page_items[3h]))")).toEqual([0]);
  // A name stands in one request of three, not in each of 24.
  expect(proxy.requests.length).toBeGreaterThan((FRAMES * SERIES) / 20_000);
  expect(proxy.requests.length).toBeLessThan(2 * FRAMES);
});
