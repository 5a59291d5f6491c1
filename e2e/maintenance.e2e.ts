import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCollector, inWorker, MAINTAINED_FILE } from "@promferry/collector";
import { counter, defineMetrics } from "@promferry/core";
import { createJournalWriter, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";

const DAY_MS = 86_400_000;

test("a program that never uploads finds last week compressed, by a thread that its collector started", async ({
  onTestFinished,
}) => {
  const dir = await mkdtemp(join(tmpdir(), "promferry-maintenance-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const beganMs = Date.now() - 6 * DAY_MS;
  const writer = createJournalWriter({ dir, origin: "app", consent: "config", info: { intervalMs: 60_000 } });
  await writer.write({ kind: "start", families: [], atMs: beganMs });
  await writer.close();
  for (const name of await readdir(dir)) await utimes(join(dir, name), new Date(beganMs), new Date(beganMs));

  const catalogue = defineMetrics(
    { namespace: "k1" },
    { runs: counter({ name: "runs_total", help: "Runs." }) },
  );
  const maintain = () => inWorker(new URL("maintenance/maintain.ts", import.meta.url), dir);
  const consent = { config: { enabled: true } };
  const collector = createCollector({
    catalogue,
    dir,
    app: "k1",
    env: {},
    consent,
    random: () => 0,
    maintain,
  });
  await collector.start();
  onTestFinished(() => collector.stop());

  await expect.poll(() => readdir(dir), { timeout: 60_000 }).toContain(MAINTAINED_FILE);
  expect(collector.status()).toMatchObject({ failed: 0 });
  const { files, frames } = await openJournal(dir).index();
  expect(files.map(({ name }) => name.endsWith(".prom.gz"))).toEqual([true, false]);
  expect(frames[0]?.header.writtenMs).toBe(beganMs);
});
