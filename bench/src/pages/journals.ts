import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeFrame } from "@promferry/core/journal";
import type { MetricFamily } from "@promferry/core/series";
import { createExpositionParser } from "@promferry/core/text-format";
import { highCardinalityPages } from "./high-cardinality.ts";
import { k1Day } from "./k1-day.ts";

/** A journal of one session whose frames are all full. */
export interface BenchJournal {
  readonly name: "k1" | "hc";
  readonly dir: string;
  /** Its day files, in order of time. */
  readonly files: readonly string[];
  readonly sampleCount: number;
}

const DAYS = 5;
const FRAMES_A_DAY = 288;
const START_MS = 1_759_701_600_000;

/** Five days of k1, and hc as a scraped page, below `dir`. */
export function writeJournals(dir: string): readonly BenchJournal[] {
  return [
    write("k1", join(dir, "k1"), "app", k1Day(DAYS * FRAMES_A_DAY)),
    write("hc", join(dir, "hc"), "scrape", highCardinalityFamilies()),
  ];
}

function write(
  name: BenchJournal["name"],
  dir: string,
  origin: "app" | "scrape",
  flushes: Iterable<readonly MetricFamily[]>,
): BenchJournal {
  mkdirSync(dir);
  const files: string[] = [];
  let file = -1;
  let seq = 0;
  let sampleCount = 0;
  for (const families of flushes) {
    const writtenMs = START_MS + seq * 300_000;
    const isFirst = seq % FRAMES_A_DAY === 0;
    if (isFirst) {
      if (file >= 0) closeSync(file);
      files.push(join(dir, `2025-10-${String(6 + files.length).padStart(2, "0")}.prom`));
      file = openSync(files.at(-1)!, "w");
    }
    const info = isFirst ? { startedMs: START_MS, intervalMs: 300_000 } : undefined;
    const header = {
      writtenMs,
      session: "0badcafe",
      seq,
      kind: "full",
      consent: "config",
      exit: false,
    } as const;
    writeSync(file, encodeFrame({ ...header, origin }, info, families));
    sampleCount += families.reduce((sum, { series }) => sum + series.length, 0);
    seq++;
  }
  closeSync(file);
  return { name, dir, files, sampleCount };
}

function* highCardinalityFamilies(): Generator<readonly MetricFamily[]> {
  const parser = createExpositionParser({ format: "prometheus" });
  for (const page of highCardinalityPages()) yield parser.parse(page);
}
