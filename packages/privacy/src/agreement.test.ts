import { counter, defineMetrics, gatherRegistry, open, pattern } from "@promferry/core";
import { expect, test } from "vitest";
import { additions, agreedOnly } from "./agreement.ts";
import { allowList } from "./allow-list.ts";
import { composeFilters } from "./filter.ts";
import { filterFamilies } from "./filter-families.ts";

const v1 = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({ name: "views_total", help: "Views.", labels: { screen: ["pods", "nodes"] } }),
    names: counter({ name: "names_total", help: "Names.", labels: { name: pattern(/[a-z]/, { max: 3 }) } }),
    kinds: counter({ name: "kinds_total", help: "Kinds.", labels: { kind: open({ max: 3 }) } }),
  },
).catalogue;
const v2 = defineMetrics(
  { namespace: "k1" },
  {
    views: counter({
      name: "views_total",
      help: "Views, said anew.",
      labels: { screen: ["pods", "nodes", "events"], mode: ["dark", "light"] },
    }),
    names: counter({ name: "names_total", help: "Names.", labels: { name: open({ max: 3 }) } }),
    kinds: counter({ name: "kinds_total", help: "Kinds.", labels: { kind: ["a", "b"] } }),
    clicks: counter({ name: "clicks_total", help: "Clicks." }),
  },
);

test("what a new catalogue has beyond the agreed one is told, down to a label's values", () => {
  expect(additions(v2.catalogue, v1)).toEqual([
    { metric: "k1_clicks_total" },
    { metric: "k1_names_total", label: "name", values: ["any value"] },
    { metric: "k1_views_total", label: "screen", values: ["events"] },
    { metric: "k1_views_total", label: "mode" },
  ]);
  expect(additions(v1, v1)).toEqual([]);
});

test("a new label is told whatever it is called", () => {
  const of = (labels: Readonly<Record<string, readonly string[]>>) =>
    defineMetrics({ namespace: "k1" }, { a: counter({ name: "a_total", help: "A.", labels }) }).catalogue;
  expect(additions(of({ constructor: ["undefined"] }), of({}))).toEqual([
    { metric: "k1_a_total", label: "constructor" },
  ]);
});

test("until it is agreed to, a new metric stays, a new label is dropped, and a new value is other", () => {
  v2.views.inc({ screen: "pods", mode: "dark" }, 2);
  v2.views.inc({ screen: "pods", mode: "light" }, 3);
  v2.views.inc({ screen: "events", mode: "light" }, 4);
  v2.clicks.inc();
  const gate = composeFilters(allowList(v2.catalogue), agreedOnly(v1));
  const session = { startedMs: 0, intervalMs: 1000 };
  const { families, withheld } = filterFamilies(gatherRegistry(v2.registry), gate, {
    origin: "app",
    session,
  });
  const shown = families.flatMap(({ series, values }) =>
    series.map(({ name, labels }, i) => `${name} ${labels.map(({ value }) => value).join()} ${values[i]}`),
  );
  expect(shown).toContain("k1_views_total pods 5");
  expect(shown).toContain("k1_views_total other 4");
  expect(shown.join()).not.toMatch(/dark|light|events|clicks/);
  expect(withheld).toEqual([{ reason: "not agreed to yet", series: 1 }]);
});
