import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { METRICS } from "./metric-catalogue.ts";

const PAGE = readFileSync(new URL("../../../../docs/targets.md", import.meta.url), "utf8");
const SECTION = PAGE.slice(PAGE.indexOf("## Metrics of a service"), PAGE.indexOf("## For real"));

test("the page names every metric, and no other", () => {
  const table = /\| name, after[\s\S]*?\n\n/.exec(SECTION)?.[0] ?? "";
  const names = table
    .split("\n")
    .slice(2)
    .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  expect(names.sort()).toEqual(METRICS.map(({ suffix }) => suffix).sort());
});
