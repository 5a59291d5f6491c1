import { counter, defineMetrics, type OpenLabel, open } from "@promferry/core";
import type { SessionInfo } from "@promferry/core/journal";
import type { MetricType } from "@promferry/core/series";
import fc from "fast-check";
import { expect, test } from "vitest";
import { filterFamilies } from "./filter-families.ts";
import { createLabelCap, type LabelCap } from "./label-cap.ts";

const session: SessionInfo = { startedMs: 0, intervalMs: 1000 };

/** What becomes of the one label of a series of `x`. */
function passed(
  cap: LabelCap,
  value: string,
  { label = "a", type = "counter", origin = "app", info = session }: Partial<Context> = {},
): string | undefined {
  const family = { name: "x", type, help: "", unit: "" };
  const series = { name: "x", labels: [{ name: label, value }] };
  const projected = cap.filter(series, { family, origin, session: info });
  return "labels" in projected ? projected.labels[0]?.value : undefined;
}

interface Context {
  readonly label: string;
  readonly type: MetricType;
  readonly origin: "app" | "scrape";
  readonly info: SessionInfo;
}

test("the first values of a label stay as they are, and all that come later are other", () => {
  const cap = createLabelCap({ max: 2 });
  expect(["p", "other", "q", "r", "p", "s", "r", "q"].map((value) => passed(cap, value))).toEqual([
    ...["p", "other", "q", "other", "p", "other", "other", "q"],
  ]);
  expect(passed(cap, "r", { label: "b" })).toBe("r");
  expect(cap.capped()).toEqual([{ metric: "x", label: "a", max: 2 }]);
});

for (const { name, context } of [
  { name: "a histogram's le", context: { label: "le", type: "histogram" } },
  { name: "a summary's quantile", context: { label: "quantile", type: "summary" } },
  { name: "a scraped page", context: { origin: "scrape" } },
] satisfies { name: string; context: Partial<Context> }[]) {
  test(`${name} is not capped`, () => {
    const cap = createLabelCap({ max: 1 });
    expect(["1", "2", "3"].map((value) => passed(cap, value, context))).toEqual(["1", "2", "3"]);
    expect(cap.memory.kept()).toEqual({});
  });
}

test("a label that the catalogue does not have is capped, whatever it is called", () => {
  const { catalogue } = defineMetrics(
    { namespace: "k1" },
    { x: counter({ name: "x_total", help: "X.", labels: { a: ["b"] } }) },
  );
  const named = { ...catalogue, metrics: catalogue.metrics.map((metric) => ({ ...metric, name: "x" })) };
  const cap = createLabelCap({ max: 1, catalogueOf: () => named });
  for (const label of ["b", "constructor", "toString"]) {
    expect(["p", "q"].map((value) => passed(cap, value, { label }))).toEqual(["p", "other"]);
  }
});

test("le is a label like any other where it is no bound", () => {
  const cap = createLabelCap({ max: 1 });
  expect(["1", "2"].map((value) => passed(cap, value, { label: "le" }))).toEqual(["1", "other"]);
});

test("a catalogue's smaller cap holds, and its closed labels have none, session by session", () => {
  const catalogueOf = (labels: { readonly a: OpenLabel | readonly string[] }) =>
    defineMetrics({ namespace: "n" }, { x: counter({ name: "x_total", help: "X.", labels }) }).catalogue;
  const closed = catalogueOf({ a: ["1", "2", "3", "4", "5"] });
  const small = catalogueOf({ a: open({ max: 2 }) });
  const large = catalogueOf({ a: open({ max: 50 }) });
  const known = new Map([
    ["closed", closed],
    ["small", small],
    ["large", large],
  ]);
  const cap = createLabelCap({ max: 3, catalogueOf: ({ catalog = "" }) => known.get(catalog) });
  const all = (catalog: string) =>
    ["1", "2", "3", "4"].map((value) => {
      const family = { name: "n_x_total", type: "counter", help: "", unit: "" } as const;
      const series = { name: "n_x_total", labels: [{ name: "a", value }] };
      const projected = cap.filter(series, { family, origin: "app", session: { ...session, catalog } });
      return "labels" in projected ? projected.labels[0]!.value : undefined;
    });
  expect(all("closed")).toEqual(["1", "2", "3", "4"]);
  expect(all("small")).toEqual(["1", "2", "other", "other"]);
  expect(all("large")).toEqual(["1", "2", "3", "other"]);
  expect(all("small")).toEqual(["1", "2", "other", "other"]);
});

test("what was let through is kept as plain data, and the same object until there is more", () => {
  const cap = createLabelCap({ max: 2 });
  passed(cap, "p");
  const before = cap.memory.kept();
  passed(cap, "p");
  expect(cap.memory.kept()).toBe(before);
  passed(cap, "q");
  expect(cap.memory.kept()).toEqual({ x: { a: ["p", "q"] } });
  cap.memory.recall(before);
  expect(["q", "r"].map((value) => passed(cap, value))).toEqual(["q", "other"]);
  cap.memory.recall(undefined);
  expect(["s", "t"].map((value) => passed(cap, value))).toEqual(["s", "t"]);
});

test("values come back as they were decided, in whichever order and however often they are asked for", () => {
  const values = fc.array(fc.constantFrom(..."abcdefgh"), { maxLength: 30 });
  const property = fc.property(fc.integer({ min: 1, max: 5 }), values, values, (max, first, again) => {
    const cap = createLabelCap({ max });
    const decided = new Map(first.map((value) => [value, passed(cap, value)]));
    const stored = JSON.parse(JSON.stringify(cap.memory.kept()));
    const next = createLabelCap({ max });
    next.memory.recall(stored);
    for (const value of again) {
      const now = passed(next, value);
      // What never came before may still be let through.
      if (decided.has(value)) expect(now).toBe(decided.get(value));
    }
    expect(new Set(["other", ...first.map((value) => passed(next, value))]).size).toBeLessThanOrEqual(
      max + 1,
    );
  });
  fc.assert(property, { numRuns: 300 });
});

test("what is capped adds up to what was there", () => {
  const rows = fc.array(
    fc.record({ a: fc.constantFrom(..."pqrst"), b: fc.constantFrom(..."xyz"), value: fc.nat(1000) }),
  );
  const property = fc.property(fc.integer({ min: 1, max: 4 }), rows, (max, list) => {
    const series = list.map(({ a, b }) => ({
      name: "x",
      labels: [
        { name: "a", value: a },
        { name: "b", value: b },
      ],
    }));
    const values = list.map(({ value }) => value);
    const timestampsMs = values.map(() => Number.NaN);
    const family = { name: "x", type: "counter", help: "", unit: "", series, values, timestampsMs } as const;
    const { families, withheld } = filterFamilies([family], createLabelCap({ max }).filter, {
      origin: "app",
      session,
    });
    const sum = (each: readonly number[]) => each.reduce((total, value) => total + value, 0);
    expect(sum(families.flatMap(({ values: left }) => left))).toBe(sum(values));
    expect(withheld).toEqual([]);
    const left = families.flatMap((each) => each.series.map(({ labels }) => labels[0]!.value));
    expect(new Set(left.filter((value) => value !== "other")).size).toBeLessThanOrEqual(max);
  });
  fc.assert(property, { numRuns: 200 });
});

for (const { labels, left } of [
  { labels: "sum", left: [1, 5] },
  { labels: "max", left: [1, 3] },
  { labels: undefined, left: [1] },
] as const) {
  test(`gauges that become other together follow their rule: ${labels ?? "none, and they stay"}`, () => {
    const series = ["p", "q", "r"].map((value) => ({ name: "g", labels: [{ name: "a", value }] }));
    const timestampsMs = series.map(() => Number.NaN);
    const family = {
      name: "g",
      type: "gauge",
      help: "",
      unit: "",
      series,
      values: [1, 2, 3],
      timestampsMs,
    } as const;
    const info = labels === undefined ? session : { ...session, gauges: { g: { labels } } };
    const { filter } = createLabelCap({ max: 1 });
    const { families, withheld } = filterFamilies([family], filter, { origin: "app", session: info });
    expect(families.map(({ values }) => values)).toEqual([left]);
    expect(withheld.map((each) => each.series)).toEqual(labels === undefined ? [2] : []);
  });
}

for (const max of [0, -1, 1.5, Number.NaN]) {
  test(`${max} is no cap`, () => {
    expect(() => createLabelCap({ max })).toThrow(RangeError);
  });
}
