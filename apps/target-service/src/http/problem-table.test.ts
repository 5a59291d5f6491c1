import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PROBLEMS, type ProblemKind } from "./problem-table.ts";

test("the README's table of problems is the one of the code", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+?) \| (.+?) \|$/gm)].map(
    ([, code, status, title, help]) => [code, Number(status), title, help],
  );
  expect(rows).toEqual(
    Object.entries<ProblemKind>(PROBLEMS).map(([code, { status, title, help }]) => [
      code,
      status,
      title,
      help,
    ]),
  );
});

test("codes are in the order of their statuses", () => {
  const statuses = Object.values(PROBLEMS).map(({ status }) => status);
  expect(statuses).toEqual([...statuses].sort((a, b) => a - b));
});
