import { grantOf } from "@promferry/target-registry";
import { createMemoryStore, type TargetStore } from "@promferry/target-registry/store";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { expect, test } from "vitest";
import { type As, startTestService, type TestService } from "../../test/test-service.ts";
import type { PrometheusClient } from "../prometheus/prometheus-client.ts";
import { METRICS } from "./metric-catalogue.ts";
import { createTerms, type Level, quote } from "./promql.ts";
import { type ServiceMetricsOptions, serviceMetrics } from "./service-metrics-plugin.ts";

async function register(store: TargetStore, id: string, project: string, service: string): Promise<void> {
  const endpoints = [{ name: "node", address: `10.0.0.${id.slice(2)}`, port: 9_100 }];
  const place = { project, service, scope: "default", liveness: "platform", labels: {} } as const;
  const spec = { id, endpoints, ...place };
  await store.apply(id, { type: "platform-put", spec, grant: grantOf(endpoints) }, { actor: "platform" });
}

/** A Prometheus without any data that remembers what it was asked. */
function emptyPrometheus(): { client: PrometheusClient; asked: string[] } {
  const asked: string[] = [];
  const answer = async (promql: string) => {
    asked.push(promql);
    return { series: [], warnings: [] };
  };
  return { client: { query: answer, activeTargets: async () => [], queryRange: answer }, asked };
}

async function start(options: Partial<ServiceMetricsOptions> = {}): Promise<TestService> {
  const store = createMemoryStore();
  await register(store, "i-1", "p-1", "web");
  await register(store, "i-2", "p-2", "web");
  await register(store, "i-3", "p-2", "db");
  const extraRoutes = async (app: FastifyInstance) => {
    await app.register(serviceMetrics, { store, ...options });
  };
  return startTestService({ store, app: { extraRoutes } });
}

for (const { url, as, status, code } of [
  { url: "/v1/services/web/metrics", as: "platform", status: 400, code: "metrics_ambiguous" },
  { url: "/v1/services/web/metrics?project=p-1", as: "platform", status: 200 },
  { url: "/v1/services/web/metrics?project=p-1", as: "reader", status: 200 },
  { url: "/v1/services/web/metrics", as: "foreigner", status: 200 },
  { url: "/v1/services/web/metrics", as: "tenant", status: 200 },
  { url: "/v1/services/web/metrics?project=p-1", as: "foreigner", status: 403, code: "metrics_forbidden" },
  { url: "/v1/services/db/metrics", as: "registrar", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/instances/i-1/metrics", as: "foreigner", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/instances/i-1/metrics", as: "registrar", status: 200 },
  { url: "/v1/projects/p-1/metrics", as: "foreigner", status: 403, code: "metrics_forbidden" },
  { url: "/v1/projects/p-9/metrics", as: "platform", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/services/db/metrics?names=up", as: "platform", status: 400, code: "metrics_name" },
  { url: "/v1/services/db/metrics?step=1", as: "platform", status: 400, code: "metrics_range" },
  { url: "/v1/services/db/metrics?setp=60", as: "platform", status: 400, code: "invalid_request" },
  { url: "/v1/services/db/metrics", as: undefined, status: 401, code: "unauthorized" },
] as readonly { url: string; as: As | undefined; status: number; code?: string }[]) {
  test(`${url} for ${as ?? "nobody"} is ${status} ${code ?? ""}`, async () => {
    const { client, asked } = emptyPrometheus();
    const { call } = await start({ prometheus: client });
    const answer = await call(`GET ${url}`, as === undefined ? {} : { as });
    expect(answer.statusCode, answer.body).toBe(status);
    if (status === 200) return expect(asked.length).toBeGreaterThan(0);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ code, status, type: `urn:promferry:problem:${code}` });
    expect(asked).toEqual([]);
  });
}

test("without data every metric says so, and none is 0", async () => {
  const { client } = emptyPrometheus();
  const { call } = await start({ prometheus: client });
  const { metrics } = (await call("GET /v1/services/db/metrics", { as: "platform" })).json();
  expect(Object.keys(metrics)).toHaveLength(4);
  for (const metric of Object.values(metrics)) {
    expect(metric).toMatchObject({
      status: "no_data",
      as_of: null,
      instances: { answered: 0, expected: 1 },
      series: [],
    });
  }
});

test("names begin as the rules' do", async () => {
  const { client, asked } = emptyPrometheus();
  const { call } = await start({ prometheus: client, metricPrefix: "acme" });
  const { metrics } = (await call("GET /v1/services/db/metrics", { as: "platform" })).json();
  expect(Object.keys(metrics)).toContain("acme_service_cpu_usage_percent");
  expect(asked.join("\n")).toContain("acme:instance_cpu_busy:ratio_rate");
  expect(asked.join("\n")).not.toContain("click_deploy");
});

test("a time limit holds for all questions of a request together", async () => {
  const limits: (number | undefined)[] = [];
  const client: PrometheusClient = {
    async query(_promql, _at, options) {
      limits.push(options?.timeoutMs);
      const until = performance.now() + 30;
      while (performance.now() < until);
      return { series: [], warnings: [] };
    },
    activeTargets: async () => [],
    queryRange: async () => ({ series: [], warnings: [] }),
  };
  const { call } = await start({ prometheus: client, timeoutMs: 50 });
  const answer = await call("GET /v1/services/db/metrics", { as: "platform" });
  expect(answer.json()).toMatchObject({ status: 504, code: "prometheus_timeout" });
  expect(limits.every((limit) => limit! <= 50)).toBe(true);
});

test("a service without Prometheus says so", async () => {
  const { call } = await start();
  expect((await call("GET /v1/services/db/metrics", { as: "platform" })).json()).toMatchObject({
    status: 502,
    code: "prometheus_missing",
  });
});

test("no id gets into a question that is not an id", async () => {
  const { client, asked } = emptyPrometheus();
  const { call } = await start({ prometheus: client });
  for (const id of ['"} or up{a="', "a\\", "web\n", "{}", "..", "ünì", "%22", " web", "web\0"]) {
    const text = encodeURIComponent(id);
    for (const kind of ["services", "instances", "projects"]) {
      const { statusCode } = await call(`GET /v1/${kind}/${text}/metrics`, { as: "platform" });
      expect([400, 404]).toContain(statusCode);
    }
    const answer = await call(`GET /v1/services/web/metrics?project=${text}`, { as: "platform" });
    expect(answer.statusCode).toBe(400);
  }
  expect(asked).toEqual([]);
});

/** A PromQL text with the contents of its strings taken out, and those contents. */
function withoutStrings(promql: string): { shape: string; strings: string[] } {
  const strings: string[] = [];
  const shape = promql.replace(/"(?:[^"\\\n]|\\.)*"/g, (text) => {
    strings.push(JSON.parse(text));
    return '""';
  });
  return { shape, strings };
}

test("whatever stood in a label's value, the question keeps its shape", { timeout: 60_000 }, () => {
  const shapeFor = (level: Level, service: string): { shape: string; strings: string[] }[] =>
    METRICS.map((metric) => {
      const terms = createTerms({ level, scope: { project: "p", service }, prefix: "x", intervalMs: 30_000 });
      const value = metric.value?.(terms) ?? metric.total?.(terms, "60s") ?? "";
      return withoutStrings([value, ...metric.presence(terms)].join("\n"));
    });
  fc.assert(
    fc.property(
      fc.constantFrom<Level>("project", "service", "instance"),
      fc.string({ unit: "binary" }),
      (level, id) => {
        for (const [i, { shape, strings }] of shapeFor(level, id).entries()) {
          expect(shape).toBe(shapeFor(level, "plain")[i]!.shape);
          expect(strings).toContain(id);
        }
        expect(quote(id)).not.toMatch(/[\n\r]/);
      },
    ),
    { numRuns: 50 },
  );
});
