import { createScanner, ownNames } from "@promferry/privacy";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("in all that k1 may say about itself nothing looks like somebody's data", () => {
  const scanner = createScanner({ ownNames: ownNames() });
  const texts = createMetrics().catalogue.metrics.flatMap(({ name, help, why, labels }) => [
    name,
    help,
    why,
    ...Object.entries(labels).flatMap(([label, rule]) => [
      label,
      ...(rule.kind === "closed" ? rule.values : []),
    ]),
  ]);
  expect(texts.length).toBeGreaterThan(50);
  expect(texts.filter((text) => scanner(text).length > 0)).toEqual([]);
});
