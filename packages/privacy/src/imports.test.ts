import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("nothing here loads prom-client, which only a program that counts needs", () => {
  const dir = fileURLToPath(new URL(".", import.meta.url));
  const sources = globSync("**/*.ts", { cwd: dir }).filter((name) => !name.endsWith(".test.ts"));
  expect(sources.length).toBeGreaterThan(10);
  // The catalogue as data is `@promferry/core/catalogue`.
  expect(
    sources.filter((name) => readFileSync(`${dir}/${name}`, "utf8").includes('"@promferry/core"')),
  ).toEqual([]);
});
