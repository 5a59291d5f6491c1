/** A backlog that is mostly too old for a Prometheus as it comes, which takes nothing an hour older than its newest sample. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { createSeriesDictionary } from "@promferry/core/series";
import { expect, test } from "vitest";
import { query, requireServer, runCli, startPrometheus } from "./harness/index.ts";

const SERIES = 200;
const FRAMES = 48;
const INTERVAL_MS = 300_000;

for (const protocol of [1, 2]) {
  test(`what is too old costs few requests of ${protocol}.0, and the last hour arrives`, {
    timeout: 120_000,
  }, async (context) => {
    requireServer(context, "prometheus");
    const prometheus = await startPrometheus();
    context.onTestFinished(prometheus.stop);
    const home = await mkdtemp(join(tmpdir(), "promferry-old-"));
    context.onTestFinished(() => rm(home, { recursive: true }));
    const upload = async (folder: string) => {
      const config = join(home, `${folder}.yaml`);
      const url = `${prometheus.url}/api/v1/write`;
      const destination = { name: "local", type: "prometheus", url, protocol };
      const metrics = { dir: join(home, folder), destinations: [destination] };
      await writeFile(config, JSON.stringify({ app: "old", metrics }));
      return runCli(["upload-metrics", "--config", config, "--to", "local", "--now", "--json"]);
    };
    const nowMs = Math.floor(Date.now() / 1000) * 1000;

    await write(join(home, "today"), "old_today", [nowMs]);
    expect(await upload("today")).toMatchObject({ code: 0 });
    const timesMs = Array.from({ length: FRAMES }, (_, i) => nowMs - (FRAMES - i) * INTERVAL_MS);
    await write(join(home, "backlog"), "old_items", timesMs);
    const { code, stdout } = await upload("backlog");

    expect(code).toBe(3);
    const [local] = (JSON.parse(stdout) as { destinations: { accepted: number; requests: number }[] })
      .destinations;
    const arrived = (await query(prometheus.url, "sum(count_over_time(old_items[5h]))")).map(({ value }) =>
      Number(value),
    );
    expect(arrived).toEqual([local?.accepted]);
    expect(local).toMatchObject({ unknown: 0 });
    // Each by itself would be two requests for each of 7,200.
    expect(local?.requests).toBeLessThan(1_500);
  });
}

async function write(dir: string, name: string, timesMs: readonly number[]): Promise<void> {
  const { intern } = createSeriesDictionary();
  const series = Array.from({ length: SERIES }, (_, i) =>
    intern(name, [{ name: "item", value: `item-${i}` }]),
  );
  const writer = createJournalWriter({
    dir,
    session: "0badcafe",
    origin: "scrape",
    consent: "user",
    info: { startedMs: timesMs[0]!, intervalMs: INTERVAL_MS },
  });
  for (const [i, atMs] of timesMs.entries()) {
    const values = series.map((_, s) => i * SERIES + s);
    const timestampsMs = values.map(() => Number.NaN);
    const family = { name, type: "gauge", help: "", unit: "" } as const;
    await writer.write({ kind: "full", families: [{ ...family, series, values, timestampsMs }], atMs });
  }
}
