import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { withCollectedPage } from "./collected-page.ts";

test("the README's page of what is collected is current", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(withCollectedPage(readme)).toBe(readme);
});
