import fc from "fast-check";
import { expect, test } from "vitest";
import { parseShard, shardOf } from "./shard.ts";

const IDS = {
  counted: (i: number) => `i-${i}`,
  hex: (i: number) => `i-${(i * 2_654_435_761).toString(16).padStart(17, "0")}`,
  uuid: (i: number) =>
    `5c6f8a3e-${(i >> 8).toString(16).padStart(4, "0")}-4000-8000-${`${i}`.padStart(12, "0")}`,
};

for (const [kind, idOf] of Object.entries(IDS)) {
  test(`${kind} ids spread evenly, and one more shard moves only its own share`, () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => idOf(i));
    for (const count of [2, 8, 16]) {
      const sizes = new Array<number>(count).fill(0);
      let moved = 0;
      for (const id of ids) {
        const [before, after] = [shardOf(id, count), shardOf(id, count + 1)];
        sizes[before]!++;
        if (before === after) continue;
        moved++;
        expect(after).toBe(count);
      }
      const share = ids.length / count;
      const noise = 5 * Math.sqrt(share);
      expect(Math.max(...sizes) - share).toBeLessThan(noise);
      expect(share - Math.min(...sizes)).toBeLessThan(noise);
      const due = ids.length / (count + 1);
      expect(moved).toBeLessThan(due + 5 * Math.sqrt(due));
    }
  });
}

test("whatever the ids look like, going from 8 to 9 shards moves a ninth of the targets, all to the ninth", () => {
  const shape = fc.record({
    prefix: fc.string({ unit: fc.constantFrom(..."abcdefgh0123456789.-_"), maxLength: 12 }),
    radix: fc.constantFrom(10, 16, 36),
    width: fc.integer({ min: 0, max: 12 }),
    from: fc.nat(),
    step: fc.integer({ min: 1, max: 1_000_003 }),
  });
  fc.assert(
    fc.property(shape, ({ prefix, radix, width, from, step }) => {
      const count = 9_000;
      let moved = 0;
      for (let i = 0; i < count; i++) {
        const id = `i${prefix}${(from + i * step).toString(radix).padStart(width, "0")}`;
        const [before, after] = [shardOf(id, 8), shardOf(id, 9)];
        if (before === after) continue;
        moved++;
        expect(after).toBe(8);
      }
      // Five standard deviations of so many independent draws: one in two million tries is further off.
      expect(Math.abs(moved - count / 9)).toBeLessThan(5 * Math.sqrt((count / 9) * (8 / 9)));
    }),
    { numRuns: 60 },
  );
});

test("scores are part of the contract", () => {
  expect(Array.from({ length: 12 }, (_, i) => shardOf(`i-${i}`, 4))).toEqual([
    0, 1, 2, 0, 2, 1, 3, 1, 1, 2, 0, 0,
  ]);
});

test("an id has one shard, within the count", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 256 }), (id, count) => {
      const shard = shardOf(id, count);
      expect(shard).toBe(shardOf(id, count));
      expect(shard).toBeGreaterThanOrEqual(0);
      expect(shard).toBeLessThan(count);
    }),
  );
});

for (const [text, shard] of [
  ["0/1", { index: 0, count: 1 }],
  ["3/4", { index: 3, count: 4 }],
  ["255/256", { index: 255, count: 256 }],
  ["4/4", undefined],
  ["0/0", undefined],
  ["0/257", undefined],
  ["-1/4", undefined],
  ["1", undefined],
  ["1/4 ", undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${shard === undefined ? "no shard" : "a shard"}`, () => {
    expect(parseShard(text)).toEqual(shard);
  });
}
