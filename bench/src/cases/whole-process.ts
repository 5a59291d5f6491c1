import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PageFile, writePageFiles } from "../pages/page-files.ts";
import type { Row } from "../table.ts";
import { peer, processRows, runPrograms } from "../whole-process.ts";

/** At most a twelfth of the peer's CPU time on a day of 2,000 series. */
const targets = { "parse/k1 ours": 12 };

/** All pages of k1, hc and ne, each side in processes of its own, turn by turn. */
export function parsePageFiles(
  rounds: number,
  isChosen: (each: { readonly name: string }) => boolean,
): Row[] {
  const dir = mkdtempSync(join(tmpdir(), "promferry-bench-"));
  try {
    return writePageFiles(dir)
      .map((file) => ({ file, name: `parse/${file.name}` }))
      .filter(isChosen)
      .flatMap(({ file, name }) => processRows(name, runPrograms(programs(file), rounds), targets));
  } finally {
    rmSync(dir, { recursive: true });
  }

  function programs({ path, lengthsPath, isDayFile }: PageFile): Record<string, readonly string[]> {
    const parse = (parser: string) => ["parse-pages.mjs", parser, path, lengthsPath];
    const all = { ours: parse("ours"), "ours, scrape": parse("scrape"), [peer]: parse(peer) };
    return isDayFile ? { ...all, "ours, journal": ["read-journal.mjs", dir] } : all;
  }
}
