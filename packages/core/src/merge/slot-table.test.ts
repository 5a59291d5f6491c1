import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeriesDictionary, seriesKey } from "../series/dictionary.ts";
import type { Slot } from "./session-state.ts";
import { SlotTable } from "./slot-table.ts";

const NAMES = ["a", "b", "c", "d"];

test("a session finds the slot of a series, whichever dictionary it comes from and whatever was set since", () => {
  const step = fc.record({
    name: fc.constantFrom(...NAMES),
    from: fc.constantFrom("first", "first", "first", "second", "none"),
    does: fc.constantFrom("find", "find", "set", "clear"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const dictionaries = { first: createSeriesDictionary(), second: createSeriesDictionary() };
      const table = new SlotTable();
      const expected = new Map<string, Slot>();
      for (const [number, { name, from, does }] of steps.entries()) {
        const series = from === "none" ? { name, labels: [] } : dictionaries[from].intern(name, []);
        if (does === "set") {
          const slot: Slot = { kind: "withheld", type: "gauge", reason: `step ${number}` };
          table.set(series, slot);
          expected.set(name, slot);
        } else if (does === "clear" && number % 5 === 0) {
          table.clear();
          expected.clear();
        }
        expect(table.find(series)).toBe(expected.get(name));
      }
      const listed = [...table.values()].map(({ source, slot }) => [seriesKey(source.name, []), slot]);
      expect(listed).toEqual([...expected].map(([name, slot]) => [seriesKey(name, []), slot]));
    }),
    { numRuns: 500 },
  );
});
