import type { GaugeRule, SessionInfo } from "@promferry/core/journal";
import { createSeriesDictionary, type MetricFamily, type MetricType } from "@promferry/core/series";
import { expect, test } from "vitest";
import { denyList } from "./deny-list.ts";
import type { Filter } from "./filter.ts";
import { filterFamilies } from "./filter-families.ts";

const session: SessionInfo = { startedMs: 0, intervalMs: 300_000 };

/** A family of rows `[name, labels, value]`. */
function family(
  name: string,
  type: MetricType,
  rows: readonly (readonly [name: string, labels: Readonly<Record<string, string>>, value: number])[],
): MetricFamily {
  const dictionary = createSeriesDictionary();
  const series = rows.map(([sample, bag]) =>
    dictionary.intern(
      sample,
      Object.entries(bag).map(([label, value]) => ({ name: label, value })),
    ),
  );
  const values = rows.map(([, , value]) => value);
  return {
    name,
    type,
    help: `${name} helps.`,
    unit: "",
    series,
    values,
    timestampsMs: rows.map(() => Number.NaN),
  };
}

/** Three namespaces, which a filter may take away; 28 series. */
function page(): readonly MetricFamily[] {
  const spread = [
    ["n1", 1],
    ["n2", 4],
    ["n3", 4],
  ] as const;
  const labelled = spread.map(([namespace, value]) => [{ namespace, a: "x" }, value] as const);
  return [
    family("c_total", "counter", [
      ...labelled.map(([labels, value]) => ["c_total", labels, value] as const),
      ["c_total", { a: "y" }, 10],
    ]),
    family(
      "g",
      "gauge",
      labelled.map(([labels, value]) => ["g", labels, value] as const),
    ),
    family(
      "h",
      "histogram",
      labelled.flatMap(([labels, value]) => [
        ["h_bucket", { ...labels, le: "1" }, value <= 1 ? 1 : 0] as const,
        ["h_bucket", { ...labels, le: "+Inf" }, 1] as const,
        ["h_sum", labels, value] as const,
        ["h_count", labels, 1] as const,
      ]),
    ),
    family(
      "s",
      "summary",
      labelled.flatMap(([labels, value]) => [
        ["s", { ...labels, quantile: "0.5" }, value] as const,
        ["s_sum", labels, value] as const,
        ["s_count", labels, 1] as const,
      ]),
    ),
  ];
}

function rows(families: readonly MetricFamily[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { series, values } of families) {
    for (const [row, { name, labels }] of series.entries()) {
      found[`${name}{${labels.map((label) => `${label.name}=${label.value}`).join()}}`] = values[row]!;
    }
  }
  return found;
}

const apply = (families: readonly MetricFamily[], filter: Filter, rule?: GaugeRule) =>
  filterFamilies(families, filter, {
    origin: "app",
    session: rule ? { ...session, gauges: { g: { labels: rule } } } : session,
  });

test("series that fall together add up; gauges and quantiles without a rule stay", () => {
  const { families, withheld } = apply(page(), denyList());
  expect(rows(families)).toEqual({
    "c_total{a=x}": 9,
    "c_total{a=y}": 10,
    "h_bucket{a=x,le=1}": 1,
    "h_bucket{a=x,le=+Inf}": 3,
    "h_sum{a=x}": 9,
    "h_count{a=x}": 3,
    "s_sum{a=x}": 9,
    "s_count{a=x}": 3,
  });
  expect(families.map(({ name, type, help }) => `${name} ${type} ${help}`)).toEqual([
    "c_total counter c_total helps.",
    "h histogram h helps.",
    "s summary s helps.",
  ]);
  expect(withheld).toEqual([
    { reason: "gauge g: several of its series become one, and no across.labels says how", series: 3 },
    { reason: "summary s: quantiles of merged series have no value", series: 3 },
  ]);
});

for (const [rule, value] of [
  ["sum", 9],
  ["min", 1],
  ["max", 4],
  ["average", 3],
  ["first", 1],
  ["latest", 4],
  ["omit", undefined],
] as const) {
  test(`a gauge whose labels say ${rule} is merged by it`, () => {
    expect(rows(apply(page(), denyList(), rule).families)["g{a=x}"]).toBe(value);
  });
}

test("what a filter leaves alone comes out as it went in", () => {
  const families = page();
  const filtered = apply(families, (series) => series);
  expect(rows(filtered.families)).toEqual(rows(families));
  expect(filtered.withheld).toEqual([]);
});

test("withheld series are counted by reason, and their families go with the last of them", () => {
  const filter: Filter = (series, { family }) =>
    family.type === "counter" ? series : { withheld: "not in the catalogue" };
  const { families, withheld } = apply(page(), filter);
  expect(families.map(({ name }) => name)).toEqual(["c_total"]);
  expect(withheld).toEqual([{ reason: "not in the catalogue", series: 24 }]);
});

test("a filter that renames is refused at this gate", () => {
  const { families, withheld } = apply(page(), ({ labels }) => ({ name: "x", labels }));
  expect(families).toEqual([]);
  expect(withheld).toEqual([{ reason: "renamed before it was written", series: 28 }]);
});

test("a program's exemplars don't pass; a scraped page's do, with their row", () => {
  const dictionary = createSeriesDictionary();
  const exemplar = { labels: [{ name: "trace_id", value: "t" }], value: 1, timestampMs: 5 };
  const twoSeries: MetricFamily = {
    name: "c_total",
    type: "counter",
    help: "",
    unit: "",
    series: [dictionary.intern("c_total", [{ name: "a", value: "1" }]), dictionary.intern("c_total", [])],
    values: [1, 2],
    timestampsMs: [10, 20],
    exemplars: new Map([[1, [exemplar]]]),
  };
  const filter: Filter = (series) => (series.labels.length > 0 ? { withheld: "no" } : series);
  const exemplars = (origin: "app" | "scrape") =>
    filterFamilies([twoSeries], filter, { origin, session, dictionary }).families[0]!.exemplars;
  expect(exemplars("app")).toBeUndefined();
  expect(exemplars("scrape")).toEqual(new Map([[0, [exemplar]]]));
});
