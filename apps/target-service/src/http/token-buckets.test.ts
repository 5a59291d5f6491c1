import { expect, test } from "vitest";
import { createTokenBuckets } from "./token-buckets.ts";

for (const perMinute of [1, 2, 7, 30, 1_200]) {
  test(`${perMinute} requests of a minute may come at once, then one in ${60 / perMinute} s`, () => {
    const { take } = createTokenBuckets();
    const start = 12_345.678;
    const burst = Array.from({ length: perMinute }, () => take("a", perMinute, start));
    expect(burst.every((waitMs) => waitMs === 0)).toBe(true);
    const waitMs = take("a", perMinute, start);
    expect(waitMs).toBeCloseTo(60_000 / perMinute, 3);
    expect(take("a", perMinute, start + waitMs / 2)).toBeCloseTo(waitMs / 2, 3);
    expect(take("a", perMinute, start + waitMs)).toBe(0);
    expect(take("a", perMinute, start + waitMs)).toBeGreaterThan(0);
    expect(take("b", perMinute, start)).toBe(0);
  });
}

test("a bucket is never fuller than a minute's requests", () => {
  const { take } = createTokenBuckets();
  take("a", 2, 0);
  expect([0, 0, 0].map(() => take("a", 2, 3_600_000) > 0)).toEqual([false, false, true]);
});

test("of too many keys the one seen longest ago is forgotten", () => {
  const { take } = createTokenBuckets(4);
  for (const key of ["a", "b", "a", "c"]) take(key, 2, 0);
  expect(take("a", 2, 0)).toBeGreaterThan(0);
  for (const key of ["d", "e", "f", "g"]) take(key, 1, 0);
  expect(take("a", 2, 0)).toBe(0);
  expect(take("g", 1, 0)).toBeGreaterThan(0);
});
