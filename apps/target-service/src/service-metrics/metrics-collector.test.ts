import { createMemoryStore } from "@promferry/target-registry/store";
import { expect, type TestContext, test } from "vitest";
import type { PrometheusClient } from "../prometheus/prometheus-client.ts";
import { createMetricsCollector, type MetricsCollectorOptions } from "./metrics-collector.ts";

const AT = 1_800_000_000_000;

function prometheusWith(labels: Record<string, string>): PrometheusClient {
  return {
    query: async (promql, atMs) => ({
      series: promql.includes("memory") ? [{ labels, points: [[atMs, 7]] }] : [],
      warnings: [],
    }),
    activeTargets: async () => [],
    queryRange: async () => ({ series: [], warnings: [] }),
  };
}

function start(context: TestContext, options: Partial<MetricsCollectorOptions> = {}) {
  const store = createMemoryStore({ now: () => AT });
  const collector = createMetricsCollector({
    table: store,
    leadership: store,
    prometheus: prometheusWith({ project_id: "p-1", service_id: "web" }),
    onError: (error) => expect.fail(String(error)),
    now: () => AT + 12_345,
    ...options,
  });
  context.onTestFinished(() => collector.stop());
  const rows = () =>
    store.metrics({ resourceType: "service", resourceId: "web", from: 0, to: 2 * AT, limit: 100 });
  return { store, collector, rows };
}

test("what Prometheus has becomes a row of the interval, once; what it lacks becomes none", async (context) => {
  const { collector, rows } = start(context);
  expect(await collector.collect()).toBe(1);
  expect(await collector.collect()).toBe(1);
  expect(await rows()).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      resourceType: "service",
      resourceId: "web",
      name: "click_deploy_service_memory_usage_bytes",
      value: 7,
      at: AT,
      labels: { unit: "bytes", project_id: "p-1", service_id: "web" },
    },
  ]);
});

test("of several replicas one collects", async (context) => {
  const { store, collector } = start(context);
  const other = start(context, { table: store, leadership: store }).collector;
  expect([await collector.collect(), await other.collect()]).toEqual([1, 0]);
});

test("a replica that ends hands over at once: no interval is missed for a restart", async (context) => {
  const { store, collector } = start(context);
  const other = start(context, { table: store, leadership: store }).collector;
  expect(await collector.collect()).toBe(1);
  await collector.stop();
  expect(await other.collect()).toBe(1);
});

test("a label that is no id is not stored", async (context) => {
  const prometheus = prometheusWith({ project_id: "p-1", service_id: "a b" });
  expect(await start(context, { prometheus }).collector.collect()).toBe(0);
});

test("an interval below ten seconds is refused", () => {
  expect(() => createMetricsCollector({ intervalMs: 9_999 } as MetricsCollectorOptions)).toThrow(
    "intervalMs: expected at least 10,000, found 9999",
  );
});
