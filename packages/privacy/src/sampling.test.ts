import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { weekOf } from "./identity.ts";
import type { IdentityFs } from "./identity-key.ts";
import { resolveSampling, type Sampling } from "./sampling.ts";

const WEEK_MS = 7 * 86_400_000;
const MONDAY = Date.UTC(2025, 9, 6);

/** A file system that holds one installation's key, or none; to make one fails. */
function holding(seed: number | undefined): IdentityFs {
  const key = createHash("sha256").update(`key ${seed}`).digest("hex");
  const no = async () => expect.fail("nothing is to be written");
  return {
    readFile: async () => {
      if (seed === undefined) throw Object.assign(new Error("none"), { code: "ENOENT" });
      return JSON.stringify({ v: 1, key });
    },
    mkdir: no,
    writeFile: no,
    link: no,
    unlink: no,
  };
}

const samplingOf = (seed: number | undefined, rate: number): Promise<Sampling> =>
  resolveSampling({ dir: "/d", rate, create: false, fs: holding(seed) });

for (const rate of [0.01, 0.25, 0.5, 0.9]) {
  test(`of many installations ${rate} are drawn in a week, and an installation in ${rate} of many weeks`, async () => {
    const count = 4_000;
    // Five times the deviation of as many throws.
    const most = 5 * Math.sqrt(rate * (1 - rate) * count);
    let installations = 0;
    for (let seed = 0; seed < count; seed++)
      if ((await samplingOf(seed, rate)).isDrawn(MONDAY)) installations++;
    expect(Math.abs(installations - rate * count)).toBeLessThan(most);
    const { isDrawn } = await samplingOf(7, rate);
    const weeks = Array.from({ length: count }, (_, i) => isDrawn(MONDAY + i * WEEK_MS)).filter(
      Boolean,
    ).length;
    expect(Math.abs(weeks - rate * count)).toBeLessThan(most);
  });
}

test("a higher rate only adds weeks, and all instants of a week are one draw", async () => {
  const rates = fc.double({ min: 0, max: 1, noNaN: true, minExcluded: true });
  const instants = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2100, 0, 1) });
  const property = fc.asyncProperty(fc.nat(), rates, rates, instants, async (seed, a, b, atMs) => {
    const [low, high] = [await samplingOf(seed, Math.min(a, b)), await samplingOf(seed, Math.max(a, b))];
    if (low.isDrawn(atMs)) expect(high.isDrawn(atMs)).toBe(true);
    expect(low.isDrawn(weekOf(atMs))).toBe(low.isDrawn(atMs));
    expect(low.isDrawn(weekOf(atMs) + WEEK_MS - 1)).toBe(low.isDrawn(atMs));
    expect((await samplingOf(seed, low.rate)).isDrawn(atMs)).toBe(low.isDrawn(atMs));
  });
  await fc.assert(property, { numRuns: 300 });
});

test("a cut is a whole week between two instants that was not drawn", async () => {
  const { isDrawn, isCutBetween } = await samplingOf(3, 0.5);
  const week = (n: number) => MONDAY + n * WEEK_MS;
  for (let from = 0; from < 12; from++) {
    for (let to = from; to < 12; to++) {
      const between = Array.from({ length: Math.max(0, to - from - 1) }, (_, i) => from + 1 + i);
      const expected = between.some((n) => !isDrawn(week(n)));
      expect(isCutBetween(week(from) + 5, week(to) + WEEK_MS - 1)).toBe(expected);
    }
  }
  expect(isCutBetween(week(9), week(1))).toBe(false);
});

test("with a rate of 1 every week is drawn, and no key is read or made", async () => {
  const sampling = await resolveSampling({
    dir: "/d",
    rate: 1,
    fs: { ...holding(undefined), readFile: () => expect.fail("read") },
  });
  expect([sampling.isDrawn(MONDAY), sampling.isCutBetween(MONDAY, MONDAY + 9 * WEEK_MS)]).toEqual([
    true,
    false,
  ]);
  expect(sampling.provisional).toBeUndefined();
});

test("where the key isn't there and is not to be made, nothing is decided", async () => {
  expect(await samplingOf(undefined, 0.5)).toMatchObject({ provisional: true, rate: 0.5 });
});

for (const rate of [0, -0.1, 1.01, Number.NaN]) {
  test(`${rate} is no rate`, async () => {
    await expect(samplingOf(1, rate)).rejects.toThrow(RangeError);
  });
}
