import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { collectedFiles } from "./collected.ts";

for (const [name, content] of Object.entries(collectedFiles())) {
  test(`${name} is what the catalogue says`, () => {
    expect(readFileSync(new URL(`../${name}`, import.meta.url), "utf8")).toBe(content);
  });
}
