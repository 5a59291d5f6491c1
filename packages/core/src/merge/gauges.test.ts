import { expect, test } from "vitest";
import { combineGauge } from "./gauges.ts";

for (const { rule, value } of [
  { rule: "min", value: 1 },
  { rule: "max", value: 200_000 },
] as const) {
  test(`any number of readings have a ${rule}`, () => {
    const readings = Array.from({ length: 200_000 }, (_, i) => ({
      value: i + 1,
      atMs: 0,
      startedMs: 0,
      session: "aaaaaaaa",
    }));
    expect(combineGauge(readings, rule)).toBe(value);
  });
}
