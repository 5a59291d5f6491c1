import { counter, defineMetrics, gauge, histogram } from "@promferry/core";
import type { GaugeRule, SessionInfo } from "@promferry/core/journal";
import type { MetricType } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { clampGauges, noGauge } from "./clamp-gauges.ts";
import { denyList } from "./deny-list.ts";
import { composeFilters, type Filter } from "./filter.ts";
import { filterFamilies } from "./filter-families.ts";

const session: SessionInfo = { startedMs: 0, intervalMs: 1000 };

/** What leaves of the values of a family `g`, each with a namespace of its own. */
function passed(
  filter: Filter,
  values: readonly number[],
  { type = "gauge", origin = "app", labels }: Partial<Context> = {},
): readonly number[] {
  const series = values.map((_, i) => ({ name: "g", labels: [{ name: "namespace", value: `n${i}` }] }));
  const timestampsMs = values.map(() => Number.NaN);
  const family = { name: "g", type, help: "", unit: "", series, values, timestampsMs };
  const info = labels === undefined ? session : { ...session, gauges: { g: { labels } } };
  const { families } = filterFamilies([family], filter, { origin, session: info });
  return families.flatMap((each) => Array.from(each.values));
}

interface Context {
  readonly type: MetricType;
  readonly origin: "app" | "scrape";
  readonly labels: GaugeRule;
}

for (const { name, bounds, values } of [
  { name: "both bounds", bounds: { min: 0, max: 50 }, values: [0, 0, 25, 50, 50, 0, 50] },
  { name: "the least", bounds: { min: 0 }, values: [0, 0, 25, 50, 60, 0, Number.POSITIVE_INFINITY] },
  { name: "the most", bounds: { max: 50 }, values: [-1, 0, 25, 50, 50, Number.NEGATIVE_INFINITY, 50] },
]) {
  test(`a gauge's value beyond ${name} leaves as the bound`, () => {
    const from = [-1, 0, 25, 50, 60, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    expect(passed(clampGauges({ g: bounds }), from)).toEqual(values);
    expect(passed(clampGauges({ g: bounds }), [Number.NaN])).toEqual([Number.NaN]);
  });
}

for (const { name, filter = clampGauges({ g: { max: 1 } }), context = {} } of [
  { name: "a counter", context: { type: "counter" } },
  { name: "a histogram", context: { type: "histogram" } },
  { name: "a scraped page", context: { origin: "scrape" } },
  { name: "another gauge", filter: clampGauges({ other: { max: 1 } }) },
] satisfies { name: string; filter?: Filter; context?: Partial<Context> }[]) {
  test(`${name} keeps its values`, () => {
    expect(passed(filter, [0, 2, 9], context)).toEqual([0, 2, 9]);
  });
}

test("what is merged is kept within the bounds, not what it is merged of", () => {
  const gate = composeFilters(clampGauges({ g: { min: 2, max: 5 } }), denyList());
  expect(passed(gate, [3, 4], { labels: "sum" })).toEqual([5]);
  expect(passed(gate, [-20, 24], { labels: "sum" })).toEqual([4]);
});

test("twice is as once: the second gate changes nothing", () => {
  const bound = fc.option(fc.double({ noNaN: true }), { nil: undefined });
  const property = fc.property(bound, bound, fc.array(fc.double()), (a, b, values) => {
    if (a === undefined && b === undefined) return;
    const [min, max] = a !== undefined && b !== undefined && a > b ? [b, a] : [a, b];
    const gate = clampGauges({ g: { min, max } });
    const once = passed(gate, values);
    expect(passed(gate, once)).toEqual(once);
    for (const [i, value] of once.entries()) {
      if (Number.isNaN(value)) continue;
      expect(value).toBeGreaterThanOrEqual(min ?? Number.NEGATIVE_INFINITY);
      expect(value).toBeLessThanOrEqual(max ?? Number.POSITIVE_INFINITY);
      const isInside = values[i]! >= (min ?? -Infinity) && values[i]! <= (max ?? Infinity);
      if (isInside) expect(value).toBe(values[i]);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

for (const { bounds, message } of [
  { bounds: {}, message: "bounds of g: expected min, max or both" },
  { bounds: { min: Number.NaN }, message: "bounds of g: expected a number" },
  { bounds: { min: 2, max: 1 }, message: "bounds of g: min 2 is above max 1" },
]) {
  test(`${JSON.stringify(bounds)} are no bounds`, () => {
    expect(() => clampGauges({ g: bounds })).toThrow(new RangeError(message));
  });
}

test("a catalogue says which names are gauges", () => {
  const { catalogue } = defineMetrics(
    { namespace: "n" },
    {
      g: gauge({ name: "g", help: "G." }),
      c: counter({ name: "c_total", help: "C." }),
      h: histogram({ name: "h", help: "H." }),
    },
  );
  expect(["n_g", "n_c_total", "n_h_bucket", "n_x"].map((name) => noGauge(name, catalogue))).toEqual([
    undefined,
    "n_c_total is a counter: only gauges have bounds",
    "n_h is a histogram: only gauges have bounds",
    "no metric of the catalogue has this name",
  ]);
});
