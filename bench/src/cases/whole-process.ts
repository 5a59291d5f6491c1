import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PageFile, writePageFiles } from "../pages/page-files.ts";
import { type Cost, runPrograms } from "../whole-process.ts";

const peer = "parse-prometheus-text-format";

/** All pages of k1, hc and ne, each side in processes of its own, turn by turn. */
export function parsePageFiles(
  rounds: number,
): Readonly<Record<string, Readonly<Record<string, readonly Cost[]>>>> {
  const dir = mkdtempSync(join(tmpdir(), "promferry-bench-"));
  try {
    const files = writePageFiles(dir);
    return Object.fromEntries(
      files.map((file) => [`parse/${file.name}`, runPrograms(programs(file), rounds)]),
    );
  } finally {
    rmSync(dir, { recursive: true });
  }

  function programs({ path, lengthsPath, isDayFile }: PageFile): Record<string, readonly string[]> {
    const parse = (parser: string) => ["parse-pages.mjs", parser, path, lengthsPath];
    const all = { ours: parse("ours"), "ours, scrape": parse("scrape"), [peer]: parse(peer) };
    return isDayFile ? { ...all, "ours, journal": ["read-journal.mjs", dir] } : all;
  }
}
