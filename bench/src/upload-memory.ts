/**
 * Whether the memory of an upload follows the number of series and not the size of the journal: `pnpm --filter bench upload-memory
 * [--write]` uploads a quarter of the day of 2,000 series, and the whole of it, 119 MB, each in a process of its own. Exit 1 where the
 * whole day keeps more than 1.2 times as much alive. `--write` puts the table into README.md.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createJournalWriter } from "@promferry/core/journal";
import { k1Day } from "./pages/k1-day.ts";
import { writeBetween } from "./table.ts";

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly samples: number;
  readonly aliveMb: number;
}

const LIMIT = 1.2;
const INTERVAL_MS = 300_000;
/** A day's midnight, some days ago. */
const START_MS = Math.floor(Date.now() / 86_400_000 - 3) * 86_400_000;

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const costs: Cost[] = [];
const rows: string[] = [];
for (const frames of [72, 288]) {
  const dir = mkdtempSync(join(tmpdir(), "promferry-upload-"));
  try {
    await writeDay(dir, frames);
    const bytes = readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    const program = fileURLToPath(new URL("programs/upload-journal.ts", import.meta.url));
    const flags = ["--expose-gc", "--conditions=@promferry/source"];
    const cost = JSON.parse(
      execFileSync(process.execPath, [...flags, program, dir], { encoding: "utf8" }),
    ) as Cost;
    costs.push(cost);
    const { wallMs, cpuMs, samples, aliveMb, rssMb } = cost;
    const times = `${(wallMs / 1000).toFixed(1)} s | ${(cpuMs / 1000).toFixed(1)} s`;
    const memory = `${aliveMb.toFixed(0)} MiB | ${rssMb.toFixed(0)} MiB`;
    rows.push(`| ${(bytes / 1e6).toFixed(0)} MB | ${samples.toLocaleString("en")} | ${times} | ${memory} |`);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
const head = "| journal of 2,000 series | samples | time | CPU time | alive at most | resident at most |";
const table = [head, "|---|---|---|---|---|---|", ...rows].join("\n");
console.log(table);
if (options.write) writeBetween("upload-memory", table);
const ratio = costs[1]!.aliveMb / costs[0]!.aliveMb;
console.log(`the whole day keeps ${ratio.toFixed(2)} times as much alive as its quarter (at most ${LIMIT})`);
if (ratio > LIMIT) process.exitCode = 1;

async function writeDay(dir: string, frames: number): Promise<void> {
  const info = { intervalMs: INTERVAL_MS, startedMs: START_MS };
  const now = () => START_MS;
  const fixed = { origin: "app", consent: "config", dayBoundary: "utc", now, monotonicMs: () => 0 } as const;
  const writer = createJournalWriter({ dir, info, ...fixed });
  let atMs = START_MS;
  for (const day of k1Day(frames)) {
    const families = day.map((family) => ({ ...family, timestampsMs: family.series.map(() => Number.NaN) }));
    await writer.write({ kind: "full", families, atMs });
    atMs += INTERVAL_MS;
  }
  await writer.close();
}
