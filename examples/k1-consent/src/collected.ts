/** Writes COLLECTED.md, for people, and catalog.json, for `promferry enable --catalog`, from the catalogue. */
import { writeFileSync } from "node:fs";
import { cataloguePage, catalogueToJson } from "@promferry/core";
import { createMetrics } from "./metrics.ts";

/** Each generated file with its content, by name. */
export function collectedFiles(): Readonly<Record<string, string>> {
  const { catalogue } = createMetrics();
  const head =
    "# What k1 counts, and why\n\nNothing else is ever recorded. Made by `pnpm --filter example-k1-consent collected`.\n\n";
  return { "COLLECTED.md": head + cataloguePage(catalogue), "catalog.json": catalogueToJson(catalogue) };
}

if (import.meta.main) {
  for (const [name, content] of Object.entries(collectedFiles())) {
    writeFileSync(new URL(`../${name}`, import.meta.url), content);
  }
}
