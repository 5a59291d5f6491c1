import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configJsonSchema } from "./config/schema.ts";
import { EXIT } from "./exit-codes.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's table of exit codes has exactly those that there are", () => {
  const table = README.slice(README.indexOf("## Exit codes"), README.indexOf("## Configuration"));
  const codes = [...table.matchAll(/^\| (\d[\d, ]*) \|/gm)].flatMap(([, cell]) =>
    cell!.split(", ").map(Number),
  );
  expect(codes).toEqual(Object.values(EXIT).sort((a, b) => a - b));
});

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
}

test("the README names every key of the configuration", () => {
  const { metrics, targets } = (configJsonSchema() as Schema).properties ?? {};
  const destination = metrics?.properties?.["destinations"]?.items?.properties ?? {};
  const keys = [
    ...Object.keys(metrics?.properties ?? {}),
    ...Object.keys(targets?.properties ?? {}),
    ...Object.keys(destination),
    ...Object.keys(destination["auth"]?.properties ?? {}),
    ...Object.keys(destination["tls"]?.properties ?? {}),
  ];
  expect(keys.length).toBeGreaterThan(40);
  expect(keys.filter((key) => !README.includes(`\`${key}\``))).toEqual([]);
});
