import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSeriesDictionary, type MetricFamily } from "../series/index.ts";
import { compressDay } from "./compress-day.ts";
import { openJournal } from "./journal.ts";
import { nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter } from "./journal-writer.ts";

const INTERVAL_MS = 300_000;
const MEGABYTE = 1_000_000;
const { intern } = createSeriesDictionary();
/** 2,000 series in 200 families, with the names and labels of a real program. */
const SERIES = Array.from({ length: 200 }, (_, family) =>
  Array.from({ length: 10 }, (_, i) =>
    intern(`k1_operation_${family}_total`, [
      { name: "screen", value: `screen-${i}` },
      { name: "team", value: "platform" },
    ]),
  ),
);

function page(values: readonly number[][]): MetricFamily[] {
  return SERIES.map((series, family) => ({
    name: series[0]!.name,
    type: "counter",
    help: `Operations of kind ${family} that the user started.`,
    unit: "",
    series,
    values: [...values[family]!],
    timestampsMs: series.map(() => Number.NaN),
  }));
}

for (const { name, changedPerFrame, openBytes, closedBytes } of [
  {
    name: "where 5 % of the series change",
    changedPerFrame: 100,
    openBytes: 12 * MEGABYTE,
    closedBytes: 5 * MEGABYTE,
  },
  { name: "without a change", changedPerFrame: 0, openBytes: MEGABYTE, closedBytes: MEGABYTE },
]) {
  test(`a day of 2,000 series ${name} stays small, open and closed`, async ({ onTestFinished }) => {
    const dir = await mkdtemp(join(tmpdir(), "promferry-size-"));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    let now = Date.UTC(2025, 9, 6);
    const writer = createJournalWriter({
      dir,
      origin: "app",
      consent: "config",
      info: { app: "k1", intervalMs: INTERVAL_MS },
      dayBoundary: "utc",
      // The size is asked for, not whether a day survives a power cut.
      fs: {
        ...nodeJournalFs,
        openAppend: async (path) => ({ ...(await nodeJournalFs.openAppend(path)), sync: async () => {} }),
      },
      now: () => now,
      monotonicMs: () => now,
    });
    const values = SERIES.map((series) => series.map(() => 1));
    let next = 0;
    for (let frame = 0; frame < 288; frame++) {
      await writer.write({ kind: "full", families: page(values) });
      for (let i = 0; i < changedPerFrame; i++) {
        // 677 and 2,000 have no divisor in common, so that every series has its turn.
        next = (next + 677) % 2000;
        values[Math.floor(next / 10)]![next % 10]! += 1 + (next % 50);
      }
      now += INTERVAL_MS;
    }
    const journal = openJournal(dir, { now: () => Date.UTC(2100, 0) });
    const [file] = (await journal.index()).files;
    expect(file?.frameCount).toBe(288);
    expect(file?.sizeBytes).toBeLessThan(openBytes);
    await compressDay(journal, file!);
    expect((await stat(join(dir, `${file!.name}.gz`))).size).toBeLessThan(closedBytes);
  });
}
