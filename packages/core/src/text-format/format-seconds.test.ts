import fc from "fast-check";
import { expect, test } from "vitest";
import { formatSeconds } from "./format-seconds.ts";

/** As Go's readers do: `int64(seconds * 1000)`. */
const cut = (text: string): number => Math.trunc(Number(text) * 1000) + 0;
const round = (text: string): number => Math.round(Number(text) * 1000) + 0;

test("readers that cut and readers that round both get the millisecond", () => {
  fc.assert(
    fc.property(fc.integer({ min: -4_000_000_000_000, max: 4_000_000_000_000 }), (ms) => {
      const text = formatSeconds(ms);
      expect([cut(text), round(text)]).toEqual([ms, ms]);
      expect(text).toMatch(/^-?[0-9]+(\.[0-9]+)?$/);
    }),
    { numRuns: 2_000 },
  );
});

for (const [ms, text] of [
  [0, "0"],
  [-0, "0"],
  [1, "0.001"],
  [1001, "1.0010000000000001"],
  [-1001, "-1.0010000000000001"],
  [1759761000000, "1759761000"],
  [1759761000001, "1759761000.001"],
] as const) {
  test(`${ms} ms are ${text} s`, () => {
    expect(formatSeconds(ms)).toBe(text);
  });
}
