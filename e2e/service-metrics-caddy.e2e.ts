/** Requests, their time and their errors as a real Caddy counts them, against what really went through it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_POLICY } from "@promferry/target-registry";
import { renderScrapeConfig } from "@promferry/target-registry/render";
import { expect, test } from "vitest";
import { freePort, query, requireServer, startCaddy, startPrometheus } from "./harness/index.ts";
import { serveOn } from "./targets/loopback.ts";
import { until } from "./targets/scraper.ts";
import { call, place } from "./targets/service.ts";

const HOST = "127.36.0.1";
const LATENCY_MS = 100;
/** Long enough for a range of twenty seconds that lies inside the load. */
const LOAD_MS = 30_000;
const RANGE_MS = 20_000;

interface Metric {
  readonly status: string;
  readonly series: readonly { readonly value: number }[];
}

test("what Caddy counts becomes requests, seconds and a share of errors", async (context) => {
  requireServer(context, "prometheus", "caddy");
  // Every fifth request fails, the slow and the failed alike after a tenth of a second.
  let count = 0;
  const port = await serveOn(context, "127.0.0.1", 0, async (_, response) => {
    count += 1;
    const status = count % 5 === 0 ? 500 : 200;
    await delay(LATENCY_MS);
    response.writeHead(status).end();
  });
  const metrics = { host: HOST, port: await freePort() };
  const caddy = await startCaddy({ upstream: `127.0.0.1:${port}`, metrics });
  context.onTestFinished(caddy.stop);

  const dir = await mkdtemp(join(tmpdir(), "caddy-metrics-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const labels = {
    __meta_ferry_instance: "i-1",
    __meta_ferry_project: "p-1",
    __meta_ferry_service: "web",
  };
  const groups = [{ targets: [`${HOST}:${metrics.port}`], labels }];
  await writeFile(join(dir, "app.json"), JSON.stringify(groups));
  const kind = { ...DEFAULT_POLICY.endpoints.find(({ name }) => name === "app")!, intervalMs: 1_000 };
  const discovery = { type: "file", files: [join(dir, "app.json")] } as const;
  await writeFile(join(dir, "jobs.yml"), renderScrapeConfig([{ kind, discovery }]));
  const prometheus = await startPrometheus({ scrapeConfigFiles: [join(dir, "jobs.yml")] });
  context.onTestFinished(prometheus.stop);
  const own = await place(context, [
    "accept_new_store: true",
    `prometheus: {url: "${prometheus.url}"}`,
    'policy: {loopback: true, endpoints: [{name: node, interval: 1s}, {name: app, ports: ["1024-65535"], interval: 1s}]}',
  ]);
  const service = await own.start();
  const token = own.token("platform");
  const registered = await call(service.url, "PUT /v1/instances/i-1", {
    token,
    body: {
      ...{ project: "p-1", service: "web", liveness: "platform" },
      endpoints: [{ name: "app", address: HOST, port: metrics.port }],
    },
  });
  expect(registered.status, registered.text).toBe(201);

  // Ten at once without a pause: about a hundred a second.
  const done: { readonly at: number; readonly seconds: number }[] = [];
  const end = performance.now() + LOAD_MS;
  const clients = Array.from({ length: 10 }, async () => {
    while (performance.now() < end) {
      const began = performance.now();
      await (await fetch(`${caddy.url}/page`)).arrayBuffer();
      done.push({ at: Date.now(), seconds: (performance.now() - began) / 1_000 });
    }
  });
  await Promise.all(clients);
  const to = Date.now() - 1_000;
  const names = [
    "http_requests_total",
    "http_request_duration_seconds",
    "http_request_duration_seconds:p95",
    "http_request_errors:ratio",
  ];
  const parameters = new URLSearchParams({
    names: names.map((name) => `click_deploy_service_${name}`).join(),
    from: `${to - RANGE_MS}`,
    to: `${to}`,
    step: `${RANGE_MS / 1_000}`,
  });
  const answer = await call(service.url, `GET /v1/services/web/metrics?${parameters}`, { token });
  expect(answer.status, answer.text).toBe(200);
  const found = Object.values((JSON.parse(answer.text) as { metrics: Record<string, Metric> }).metrics);
  for (const { status, series } of found) expect([status, series.length]).toEqual(["ok", 1]);
  const [requests, mean, p95, errors] = found.map(({ series }) => series[0]!.value) as [
    number,
    number,
    number,
    number,
  ];

  const inRange = done.filter(({ at }) => at > to - RANGE_MS && at <= to);
  expect(Math.abs(requests / inRange.length - 1), `${requests} of ${inRange.length}`).toBeLessThan(0.1);
  // What the client waited is a little more than what Caddy saw.
  const waited = inRange.reduce((sum, { seconds }) => sum + seconds, 0) / inRange.length;
  expect(mean).toBeGreaterThan(LATENCY_MS / 1_000 - 0.002);
  expect(mean).toBeLessThan(waited * 1.05);
  // Between two bounds of Caddy's buckets.
  expect(p95).toBeGreaterThan(0.1);
  expect(p95).toBeLessThanOrEqual(0.25);
  expect(errors).toBeCloseTo(0.2, 2);

  // Caddy has its series under these names and labels; a request is counted in one handler or in several.
  const handlers = await until(
    () =>
      query(
        prometheus.url,
        'count by (code, handler) (caddy_http_request_duration_seconds_count{method="GET"})',
      ),
    (all) => all.length > 0,
  );
  expect([...new Set(handlers.map(({ labels }) => labels["code"]))].sort()).toEqual(["200", "500"]);
});
