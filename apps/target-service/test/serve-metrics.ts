/**
 * The API with the metrics routes and the collector, over a store in memory, on a free loopback port; prints a token and the
 * address.
 *
 * Argument: JSON with `prometheus` (its address), `intervalMs`, and `instances` as the platform states them.
 */
import { DEFAULT_POLICY, grantOf, validateSpec } from "@promferry/target-registry";
import { createMemoryStore } from "@promferry/target-registry/store";
import { createMetricsCollector } from "../src/service-metrics/metrics-collector.ts";
import { createPrometheusClient } from "../src/service-metrics/prometheus-client.ts";
import { serviceMetrics } from "../src/service-metrics/service-metrics-plugin.ts";
import { credentialOf, startTestService } from "./test-service.ts";

interface Setup {
  readonly prometheus: string;
  readonly intervalMs: number;
  readonly instances: readonly object[];
}

const setup = JSON.parse(process.argv[2] ?? "") as Setup;
const store = createMemoryStore();
for (const document of setup.instances) {
  const checked = validateSpec(document, { ...DEFAULT_POLICY, loopback: true, endpoints: anyPort() });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const { value: spec } = checked;
  const applied = await store.apply(
    spec.id,
    { type: "platform-put", spec, grant: grantOf(spec.endpoints) },
    { actor: "platform:test" },
  );
  if (!applied.ok) throw new Error(applied.code);
}
const prometheus = createPrometheusClient({ url: setup.prometheus });
let at = 0;
const collector = createMetricsCollector({
  table: store,
  prometheus,
  leadership: store,
  intervalMs: 10_000,
  scrapeIntervalMs: setup.intervalMs,
  levels: ["service", "instance", "project"],
  onError: (error) => console.error(error),
  now: () => at,
});

const { app } = await startTestService({
  store,
  app: {
    async extraRoutes(routes) {
      await routes.register(serviceMetrics, { store, prometheus, intervalMs: setup.intervalMs });
      const config = { access: "anyone" } as const;
      // The table holds what Prometheus says at the end of an interval; the caller says which instant that is.
      routes.post<{ Body: { at: number } }>("/collect", { config }, async (request) => {
        at = request.body.at;
        return { count: await collector.collect() };
      });
      routes.get<{ Querystring: { type: "service"; id: string } }>("/collected", { config }, ({ query }) =>
        store.metrics({
          ...{ resourceType: query.type, resourceId: query.id },
          ...{ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1_000 },
        }),
      );
    },
  },
});
console.log(`token ${credentialOf("platform")}`);
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));

function anyPort(): (typeof DEFAULT_POLICY)["endpoints"] {
  return DEFAULT_POLICY.endpoints.map((kind) => ({ ...kind, ports: [[1, 65_535] as const] }));
}
