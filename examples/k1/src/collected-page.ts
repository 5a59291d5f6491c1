/**
 * Writes the page "what is collected and why" into the README, from the catalogue. With `--check` it
 * writes nothing and exits 1 when the page is not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cataloguePage } from "@promferry/core";
import { createMetrics } from "./metrics.ts";

const BEGIN = "<!-- collected: begin -->\n";
const END = "<!-- collected: end -->\n";

/** The README with the catalogue's page between its two marks. */
export function withCollectedPage(readme: string): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md: expected ${BEGIN.trim()} and ${END.trim()}`);
  const page = cataloguePage(createMetrics().catalogue);
  return `${readme.slice(0, begin)}${BEGIN}\n${page}\n${readme.slice(end)}`;
}

if (import.meta.main) {
  const path = new URL("../README.md", import.meta.url);
  const readme = readFileSync(path, "utf8");
  const current = withCollectedPage(readme);
  if (!process.argv.includes("--check")) writeFileSync(path, current);
  else if (readme !== current) {
    console.error("examples/k1/README.md is not current: run `pnpm --filter example-k1 collected`");
    process.exitCode = 1;
  }
}
