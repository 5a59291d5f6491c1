import { grantOf } from "@promferry/target-registry";
import { createMemoryStore, type TargetStore } from "@promferry/target-registry/store";
import fc from "fast-check";
import { type FastifyInstance, fastify } from "fastify";
import { expect, type TestContext, test } from "vitest";
import { METRICS } from "./metric-catalogue.ts";
import type { PrometheusClient } from "./prometheus-client.ts";
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
  return { client: { query: answer, queryRange: answer }, asked };
}

async function startApp(
  context: TestContext,
  options: Partial<ServiceMetricsOptions> = {},
): Promise<FastifyInstance> {
  const store = createMemoryStore();
  await register(store, "i-1", "p-1", "web");
  await register(store, "i-2", "p-2", "web");
  await register(store, "i-3", "p-2", "db");
  const app = fastify();
  context.onTestFinished(() => app.close());
  const projectOf: ServiceMetricsOptions["projectOf"] = ({ headers }) => headers["x-project"]?.toString();
  await app.register(serviceMetrics, { store, projectOf, ...options });
  return app;
}

for (const { url, project, status, code } of [
  { url: "/v1/services/web/metrics", status: 400, code: "metrics_ambiguous" },
  { url: "/v1/services/web/metrics?project=p-1", status: 200 },
  { url: "/v1/services/web/metrics", project: "p-2", status: 200 },
  { url: "/v1/services/web/metrics?project=p-1", project: "p-2", status: 403, code: "metrics_forbidden" },
  { url: "/v1/services/db/metrics", project: "p-1", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/instances/i-1/metrics", project: "p-2", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/instances/i-1/metrics", project: "p-1", status: 200 },
  { url: "/v1/projects/p-1/metrics", project: "p-2", status: 403, code: "metrics_forbidden" },
  { url: "/v1/projects/p-9/metrics", status: 404, code: "metrics_resource_unknown" },
  { url: "/v1/services/db/metrics?names=up", status: 400, code: "metrics_name" },
  { url: "/v1/services/db/metrics?step=1", status: 400, code: "metrics_range" },
]) {
  const who = project === undefined ? "" : ` for one of ${project}`;
  test(`${url}${who} is ${status} ${code ?? ""}`, async (context) => {
    const { client, asked } = emptyPrometheus();
    const app = await startApp(context, { prometheus: client });
    const headers = project === undefined ? {} : { "x-project": project };
    const answer = await app.inject({ url, headers });
    expect(answer.statusCode, answer.body).toBe(status);
    if (status === 200) return expect(asked.length).toBeGreaterThan(0);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ code, status, type: `urn:promferry:problem:${code}` });
    expect(asked).toEqual([]);
  });
}

test("without data every metric says so, and none is 0", async (context) => {
  const { client } = emptyPrometheus();
  const app = await startApp(context, { prometheus: client });
  const { metrics } = (await app.inject("/v1/services/db/metrics")).json();
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

test("a time limit holds for all questions of a request together", async (context) => {
  const limits: (number | undefined)[] = [];
  const client: PrometheusClient = {
    async query(_promql, _at, options) {
      limits.push(options?.timeoutMs);
      const until = performance.now() + 30;
      while (performance.now() < until);
      return { series: [], warnings: [] };
    },
    queryRange: async () => ({ series: [], warnings: [] }),
  };
  const app = await startApp(context, { prometheus: client, timeoutMs: 50 });
  const answer = await app.inject("/v1/services/db/metrics");
  expect(answer.json()).toMatchObject({ status: 504, code: "prometheus_timeout" });
  expect(limits.every((limit) => limit! <= 50)).toBe(true);
});

test("a service without Prometheus says so", async (context) => {
  const app = await startApp(context);
  expect((await app.inject("/v1/services/db/metrics")).json()).toMatchObject({
    status: 502,
    code: "prometheus_missing",
  });
});

test("no id gets into a question that is not an id", async (context) => {
  const { client, asked } = emptyPrometheus();
  const app = await startApp(context, { prometheus: client });
  const hostile = ['"} or up{a="', "a\\", "web\n", "{}", "..", "ünì", "%22", " web", "web\0"];
  for (const id of hostile) {
    for (const kind of ["services", "instances", "projects"]) {
      const { statusCode } = await app.inject(`/v1/${kind}/${encodeURIComponent(id)}/metrics`);
      expect(statusCode).toBe(404);
    }
    const answer = await app.inject(`/v1/services/web/metrics?project=${encodeURIComponent(id)}`);
    expect(answer.statusCode).toBe(404);
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

test("whatever stood in a label's value, the question keeps its shape", () => {
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
