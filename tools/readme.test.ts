import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

test("the README's exit codes are the CLI's", () => {
  const documented = [...read("README.md").matchAll(/^\| ([\d, ]+) \| /gm)].flatMap(([, codes = ""]) =>
    codes.split(",").map(Number),
  );
  const defined = [...read("apps/cli/src/exit-codes.ts").matchAll(/^ {2}\w+: (\d+),/gm)].map(([, code]) =>
    Number(code),
  );
  expect(defined.length).toBeGreaterThan(0);
  expect(documented).toEqual(defined);
});
