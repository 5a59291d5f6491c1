import fc from "fast-check";
import { expect, test } from "vitest";
import { tableLines } from "./table.ts";

const ROWS = [
  ["i-1", "active", "payments/web", "node 10.0.0.7:9100, app [fd00::1]:8080"],
  ["i-22", "lost", "billing/api", "node 10.0.0.8:9100"],
];

test("columns stand under each other, as wide as they are", () => {
  expect(tableLines(ROWS, undefined)).toEqual([
    "i-1   active  payments/web  node 10.0.0.7:9100, app [fd00::1]:8080",
    "i-22  lost    billing/api   node 10.0.0.8:9100",
  ]);
});

test("a table may have more rows than a call has arguments", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i), "x"]);
  expect(tableLines(rows, 80).at(-1)).toBe("199999  x");
});

test("on a narrow terminal the widest column gives way", () => {
  expect(tableLines(ROWS, 40)).toEqual([
    "i-1   active  payments/web  node 10.0.0…",
    "i-22  lost    billing/api   node 10.0.0…",
  ]);
});

test("no line is wider than the terminal, unless its columns can't be narrower; nothing that fits is cut", () => {
  const rows = fc.array(fc.array(fc.string({ maxLength: 40 }), { minLength: 3, maxLength: 3 }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(rows, fc.integer({ min: 28, max: 200 }), (cells, width) => {
      const lines = tableLines(cells, width);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
      if (tableLines(cells, undefined).every((line) => [...line].length <= width - 40)) {
        expect(lines.join("")).not.toMatch(/…$/);
      }
    }),
  );
});
