import fc from "fast-check";
import { expect, test } from "vitest";
import { nextDue, scrapeOffset, scrapeTime } from "./schedule.ts";

test("the next scrape lies within one interval, at the target's own place in it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.integer({ min: 1, max: 86_400_000 }),
      fc.nat(),
      (after, intervalMs, offset) => {
        const offsetMs = offset % intervalMs;
        const due = nextDue(after, intervalMs, offsetMs);
        expect(due).toBeGreaterThan(after);
        expect(due).toBeLessThanOrEqual(after + intervalMs);
        expect((((due - offsetMs) % intervalMs) + intervalMs) % intervalMs).toBe(0);
      },
    ),
  );
});

test("targets are spread over their interval, and stay where they are", () => {
  const offsets = Array.from({ length: 1000 }, (_, i) => scrapeOffset(`target ${i}`, 10_000, "seed"));
  const tenths = Array.from(
    { length: 10 },
    (_, k) => offsets.filter((ms) => Math.floor(ms / 1000) === k).length,
  );
  expect(Math.min(...tenths)).toBeGreaterThan(60);
  expect(Math.max(...tenths)).toBeLessThan(140);
  expect(scrapeOffset("target 7", 10_000, "seed")).toBe(offsets[7]);
  expect(scrapeOffset("target 7", 10_000, "other")).not.toBe(offsets[7]);
});

for (const { begun, due, intervalMs, at } of [
  { begun: 1002, due: 1000, intervalMs: 1000, at: 1000 },
  { begun: 999, due: 1000, intervalMs: 1000, at: 1000 },
  { begun: 1003, due: 1000, intervalMs: 1000, at: 1003 },
  { begun: 1001, due: 1000, intervalMs: 200, at: 1001 },
]) {
  test(`a scrape every ${intervalMs} ms that was due at ${due} and begun at ${begun} is of ${at}`, () => {
    expect(scrapeTime(begun, due, intervalMs)).toBe(at);
  });
}
