import fc from "fast-check";
import { Counter, Registry } from "prom-client";
import { expect, test } from "vitest";
import { counter } from "./definition.ts";
import { gatherRegistry } from "./gather.ts";
import { defineMetrics } from "./metrics.ts";

function setUp() {
  const metrics = defineMetrics(
    { namespace: "k1" },
    {
      runs: counter({ name: "runs_total", help: "Runs." }),
      views: counter({
        name: "views_total",
        help: "Views.",
        labels: { screen: ["pods", "nodes"], kind: ["list", "get"] },
      }),
    },
  );
  const shown = () =>
    gatherRegistry(metrics.registry).flatMap(({ series, values }) =>
      series.map(
        ({ name, labels }, row) =>
          `${[name, ...labels.map(({ value }) => value)].join(" ")} = ${values[row]}`,
      ),
    );
  const find = (name: string) => metrics.registry.getSingleMetric(name) as Counter<string>;
  return { metrics, shown, find };
}

test("what a counter shows is what prom-client's own shows, whatever is counted, reset and removed", () => {
  const labels = fc.record({
    screen: fc.constantFrom("pods", "nodes"),
    kind: fc.constantFrom("list", "get"),
  });
  const action = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant("inc" as const),
        labels,
        by: fc.option(fc.nat(9), { nil: undefined }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ what: fc.constantFrom("reset" as const, "remove" as const), labels }),
    },
  );
  fc.assert(
    fc.property(fc.array(action), (actions) => {
      const { metrics, find } = setUp();
      const ours = find("k1_views_total");
      const registers = [new Registry()];
      const theirs = new Counter({
        name: "k1_views_total",
        help: "Views.",
        labelNames: ["screen", "kind"],
        registers,
      });
      for (const each of actions) {
        if ("by" in each) {
          metrics.views.inc(each.labels, each.by);
          theirs.inc(each.labels, each.by);
        } else if (each.what === "reset") for (const one of [ours, theirs]) one.reset();
        else if (each.what === "remove") for (const one of [ours, theirs]) one.remove(each.labels);
      }
      const valuesOf = (registry: Registry) =>
        gatherRegistry(registry).find(({ name }) => name === "k1_views_total");
      expect(valuesOf(metrics.registry)).toEqual(valuesOf(registers[0]!));
    }),
  );
});

test("labels that were counted before are checked as those that were not", () => {
  const { metrics, shown } = setUp();
  const given = { screen: "pods", kind: "list" } as const;
  metrics.views.inc(given);
  metrics.views.inc(given, 2);
  const odd: unknown[] = [
    [{ ...given, screen: "secret" }],
    [{ ...given, more: "x" }],
    [{ screen: "pods" }],
    [given, -1],
    [given, Number.NaN],
    [{ screen: "pods", kind: ["list"] }],
  ];
  for (const call of odd) (metrics.views.inc as (...args: unknown[]) => void)(...(call as unknown[]));
  expect(shown()).toEqual([
    "k1_dropped_series_total unknown_value = 3",
    "k1_dropped_series_total bad_label = 1",
    "k1_dropped_series_total bad_value = 2",
    "k1_runs_total = 0",
    "k1_views_total list pods = 4",
    "k1_views_total list other = 1",
    "k1_views_total other pods = 2",
  ]);
});

test("an object of labels that its owner changes afterwards changes nothing that was counted", () => {
  const { metrics, shown } = setUp();
  const labels: { screen: "pods" | "nodes"; kind: "list" | "get" } = { screen: "pods", kind: "list" };
  metrics.views.inc(labels);
  metrics.views.inc(labels);
  labels.screen = "nodes";
  metrics.views.inc(labels);
  expect(shown().filter((line) => line.includes("views"))).toEqual([
    "k1_views_total list pods = 2",
    "k1_views_total list nodes = 1",
  ]);
});

test("a counter without labels counts by one, by more, and on after a reset", () => {
  const { metrics, shown, find } = setUp();
  metrics.runs.inc();
  metrics.runs.inc(4);
  find("k1_runs_total").reset();
  metrics.runs.inc();
  metrics.runs.inc();
  expect(shown()).toContain("k1_runs_total = 2");
});
