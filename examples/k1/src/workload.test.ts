import { catalogueGaugeRules, gatherRegistry } from "@promferry/core";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { createWorkClock, record } from "./record.ts";
import { summarize } from "./summary.ts";
import { workload } from "./workload.ts";

/** What the metrics of a recorded workload say. */
function recorded(seed: number, steps: number) {
  const clock = createWorkClock();
  const metrics = createMetrics({ monotonicMs: clock.nowMs });
  for (const action of workload(seed, steps)) record(action, metrics, clock);
  const counters: Record<string, number> = {};
  const gauges: Record<string, number> = {};
  const histograms: Record<string, { count: number; sum: number }> = {};
  for (const { name: family, type, series, values } of gatherRegistry(metrics.registry)) {
    for (const [row, { name, labels }] of series.entries()) {
      const inner = labels.map((label) => `${label.name}="${label.value}"`).join();
      const text = inner === "" ? family : `${family}{${inner}}`;
      if (type === "counter") counters[text] = values[row]!;
      if (type === "gauge") gauges[text] = values[row]!;
      if (name === `${family}_sum`) histograms[text] = { count: values[row + 1]!, sum: values[row]! };
    }
  }
  return { counters, gauges, histograms };
}

for (const seed of [1, 2, 12_345]) {
  test(`a run with seed ${seed} records exactly what it did`, () => {
    const { counters, gauges, histograms } = summarize(workload(seed, 300));
    const sums = Object.entries(histograms).map(([series, seconds]) => {
      return [
        series,
        { count: seconds.length, sum: seconds.reduce((sum, second) => sum + second, 0) },
      ] as const;
    });
    expect(recorded(seed, 300)).toEqual({ counters, gauges, histograms: Object.fromEntries(sums) });
  });
}

test("the same seed is the same run, another seed another", () => {
  expect(workload(7, 50)).toEqual(workload(7, 50));
  expect(workload(8, 50)).not.toEqual(workload(7, 50));
});

test("a run that is cut short did what the longer one did first", () => {
  expect(workload(7, 50).slice(0, 20)).toEqual(workload(7, 20).slice(0, 20));
});

test("the catalogue has all that was promised, each with its reason", () => {
  const { catalogue } = createMetrics();
  expect(
    catalogue.metrics.map(({ name, type, labels }) => `${type} ${name} ${Object.keys(labels).join()}`.trim()),
  ).toEqual([
    "histogram k1_command_execution_duration_seconds command",
    "counter k1_commands_executed_total command",
    "counter k1_dropped_series_total reason",
    "counter k1_errors_total type,resource",
    "histogram k1_filter_operation_duration_seconds type",
    "counter k1_filter_operations_total type",
    "gauge k1_informer_objects_cached resource",
    "histogram k1_informer_query_duration_seconds resource,operation",
    "histogram k1_informer_sync_duration_seconds resource",
    "counter k1_refresh_operations_total screen",
    "histogram k1_screen_render_duration_seconds screen",
    "counter k1_screen_views_total screen",
    "gauge k1_terminal_height",
    "gauge k1_terminal_width",
  ]);
  expect(catalogue.metrics.filter(({ why }) => why.length < 10)).toEqual([]);
  expect(catalogueGaugeRules(catalogue)).toEqual({
    k1_informer_objects_cached: { sessions: "sum", labels: "sum" },
  });
});
