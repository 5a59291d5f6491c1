/** Lists and the hardened job against a real Prometheus: what it discovers, what it dials, what it stores. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_POLICY, type EndpointKind } from "@promferry/target-registry";
import {
  alertRules,
  type Discovery,
  renderRules,
  renderScrapeConfig,
  targetFileName,
  writeTargetFile,
} from "@promferry/target-registry/render";
import { createMemoryStore } from "@promferry/target-registry/store";
import { expect, type TestContext, test } from "vitest";
import { query, type RunningServer, requireServer, startPrometheus } from "./harness/index.ts";
import { page, serveOn } from "./targets/loopback.ts";
import { CAUSE, currentList, register } from "./targets/registered.ts";
import { activeTargets, idsOf, until } from "./targets/scraper.ts";

const KIND: EndpointKind = { ...DEFAULT_POLICY.endpoints[0]!, intervalMs: 1_000 };
async function startWith(context: TestContext, discovery: Discovery): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), "target-jobs-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "jobs.yml"), renderScrapeConfig([{ kind: KIND, discovery }]));
  await writeFile(join(dir, "rules.yml"), renderRules({ intervalMs: KIND.intervalMs }));
  const prometheus = await startPrometheus({
    scrapeConfigFiles: [join(dir, "jobs.yml")],
    ruleFiles: [join(dir, "rules.yml")],
  });
  context.onTestFinished(prometheus.stop);
  return prometheus;
}

test("http_sd: what is registered is scraped, with its labels, and follows the list", async (context) => {
  requireServer(context, "prometheus");
  const store = createMemoryStore();
  const port = await serveOn(context, "127.20.0.1", 0, page("node_boot_time_seconds 1\n"));
  await serveOn(context, "127.20.0.2", port, page("node_boot_time_seconds 2\n"));
  await register(store, "i-1", "s-1", { address: "127.20.0.1", port }, { zone: "größe" });
  await register(store, "i-2", "s-2", { address: "127.20.0.2", port });
  let available = true;
  const authorizations = new Set<string | undefined>();
  const listPort = await serveOn(context, "127.0.0.1", 0, async (request, response) => {
    authorizations.add(request.headers.authorization);
    if (!available) return void response.writeHead(503).end();
    response.setHeader("content-type", "application/json");
    response.end(await currentList(store));
  });
  const tokenDir = await mkdtemp(join(tmpdir(), "target-token-"));
  context.onTestFinished(() => rm(tokenDir, { recursive: true, force: true }));
  await writeFile(join(tokenDir, "token"), "reader-secret\n");
  const url = `http://127.0.0.1:${listPort}/v1/sd/prometheus?endpoint=node`;
  const prometheus = await startWith(context, {
    type: "http",
    url,
    tokenFile: join(tokenDir, "token"),
    refreshMs: 1_000,
  });

  const targets = await until(
    () => activeTargets(prometheus),
    (all) => all.length === 2 && all.every(({ health }) => health === "up"),
  );
  const common = { job: "ferry-node", project_id: "p-1" };
  expect(
    targets.map(({ labels }) => labels).sort((a, b) => (a["instance_id"]! < b["instance_id"]! ? -1 : 1)),
  ).toEqual([
    { ...common, instance: `127.20.0.1:${port}`, instance_id: "i-1", service_id: "s-1", zone: "größe" },
    { ...common, instance: `127.20.0.2:${port}`, instance_id: "i-2", service_id: "s-2" },
  ]);
  expect(targets[0]).toMatchObject({ scrapeInterval: "1s", scrapeTimeout: "1s", health: "up" });
  expect(await query(prometheus.url, 'node_boot_time_seconds{service_id="s-2"}')).toMatchObject([
    { value: "2" },
  ]);

  // While the service is not sure it says so, and nobody is forgotten.
  available = false;
  const failed = "prometheus_sd_http_failures_total";
  const failures = await until(
    async () => (await fetch(`${prometheus.url}/metrics`)).text(),
    (text) => Number(new RegExp(`^${failed} (\\d+)`, "m").exec(text)?.[1]) >= 3,
  );
  expect(failures).toMatch(new RegExp(`^${failed} [3-9]`, "m"));
  expect(idsOf(await activeTargets(prometheus))).toEqual(["i-1", "i-2"]);

  available = true;
  await store.apply("i-1", { type: "remove" }, CAUSE);
  expect(
    idsOf(
      await until(
        () => activeTargets(prometheus),
        (all) => all.length === 1,
      ),
    ),
  ).toEqual(["i-2"]);
  expect([...authorizations]).toEqual(["Bearer reader-secret"]);
});

test("file_sd: a list that is replaced is seen, and no read ever fails", async (context) => {
  requireServer(context, "prometheus");
  const store = createMemoryStore();
  const port = await serveOn(context, "127.20.1.1", 0, page("node_boot_time_seconds 1\n"));
  const parent = await mkdtemp(join(tmpdir(), "target-files-"));
  context.onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const dir = join(parent, "targets");
  await mkdir(dir);
  const file = join(dir, targetFileName("node"));
  await register(store, "i-1", "s-1", { address: "127.20.1.1", port });
  await writeTargetFile(file, await currentList(store));
  const prometheus = await startWith(context, { type: "file", files: [join(dir, "node*.json")] });
  expect(
    idsOf(
      await until(
        () => activeTargets(prometheus),
        (all) => all.length === 1,
      ),
    ),
  ).toEqual(["i-1"]);

  for (let i = 2; i <= 40; i++) {
    await register(store, `i-${i}`, "s-1", { address: "127.20.1.2", port: 9_000 + i });
    await writeTargetFile(file, await currentList(store));
  }
  expect(
    await until(
      () => activeTargets(prometheus),
      (all) => all.length === 40,
    ),
  ).toHaveLength(40);
  const metrics = await (await fetch(`${prometheus.url}/metrics`)).text();
  expect(metrics).toContain("prometheus_sd_file_read_errors_total 0\n");
  expect((await readFile(file, "utf8")).endsWith("]\n")).toBe(true);
});

test("a hostile list steers nothing but an address", async (context) => {
  requireServer(context, "prometheus");
  const seen = new Set<string>();
  const port = await serveOn(context, "127.20.2.1", 0, (request, response) => {
    seen.add(`${request.url}`);
    page("node_boot_time_seconds 1\n")(request, response);
  });
  const meta = {
    __meta_ferry_instance: "i-1",
    __meta_ferry_project: "p-1",
    __meta_ferry_service: "s-1",
  };
  const target = `127.20.2.1:${port}`;
  const groups = [
    {
      targets: [target],
      labels: {
        ...meta,
        job: "billing",
        instance: "victim",
        instance_id: "i-9",
        project_id: "p-9",
        exported_job: "x",
        __scheme__: "https",
        __metrics_path__: "/admin",
        __scrape_interval__: "10ms",
        __scrape_timeout__: "9ms",
        __param_target: "http://169.254.169.254/",
        __meta_ferry_label_job: "billing",
        __meta_ferry_label___param_x: "y",
        __meta_ferry_label_zone: "eu",
      },
    },
    { targets: [target], labels: { job: "no-ids" } },
    { targets: ["localhost:1", "127.20.2.2:1?x=y", "metadata.internal:80"], labels: meta },
  ];
  const listPort = await serveOn(context, "127.0.0.1", 0, (_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(groups));
  });
  const url = `http://127.0.0.1:${listPort}/`;
  const prometheus = await startWith(context, { type: "http", url, refreshMs: 1_000 });

  const targets = await until(
    () => activeTargets(prometheus),
    (all) => all.some(({ health }) => health === "up"),
  );
  expect(targets).toHaveLength(1);
  expect(targets[0]).toMatchObject({
    scrapeUrl: `http://${target}/metrics`,
    scrapeInterval: "1s",
    scrapeTimeout: "1s",
    labels: {
      job: "ferry-node",
      instance: target,
      instance_id: "i-1",
      project_id: "p-1",
      service_id: "s-1",
      zone: "eu",
    },
  });
  expect(Object.keys(targets[0]!.labels)).toHaveLength(6);
  expect([...seen]).toEqual(["/metrics"]);
});

test("a hostile exporter gets in nothing but its own metrics", async (context) => {
  requireServer(context, "prometheus");
  const store = createMemoryStore();
  let internalAsked = false;
  const internalPort = await serveOn(context, "127.20.3.9", 0, (request, response) => {
    internalAsked = true;
    page("internal_secret 42\n")(request, response);
  });
  const authorizations = new Set<string | undefined>();
  const port = await serveOn(context, "127.20.3.1", 0, (request, response) => {
    authorizations.add(request.headers.authorization);
    page(
      [
        "honest_total 1",
        'forged_total{job="billing",instance="victim",instance_id="i-9",project_id="p-9",service_id="s-9"} 1',
        "late_total 1 1000",
        "up 7",
        "scrape_duration_seconds 7",
        'ALERTS{alertname="X",alertstate="firing"} 1',
        'click_deploy_service_cpu_usage_percent{service_id="s-9"} 1',
        'promferry_targets_instances{state="lost"} 99',
        'promferry_instance_info{instance_id="i-2"} 1',
        "",
      ].join("\n"),
    )(request, response);
  });
  const redirect: RequestListener = (_, response) => {
    response.writeHead(302, { location: `http://127.20.3.9:${internalPort}/` }).end();
  };
  const redirectPort = await serveOn(context, "127.20.3.2", 0, redirect);
  const many = Array.from({ length: 10_001 }, (_, i) => `flood{n="${i}"} 1\n`).join("");
  const floodPort = await serveOn(context, "127.20.3.3", 0, page(many));
  await register(store, "i-1", "s-1", { address: "127.20.3.1", port });
  await register(store, "i-2", "s-1", { address: "127.20.3.2", port: redirectPort });
  await register(store, "i-3", "s-1", { address: "127.20.3.3", port: floodPort });
  const listPort = await serveOn(context, "127.0.0.1", 0, async (_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(await currentList(store));
  });
  const url = `http://127.0.0.1:${listPort}/`;
  const prometheus = await startWith(context, { type: "http", url, refreshMs: 1_000 });

  const targets = await until(
    () => activeTargets(prometheus),
    (all) => all.length === 3 && all.every(({ health }) => health !== "unknown"),
  );
  const health = Object.fromEntries(targets.map(({ labels, health }) => [labels["instance_id"], health]));
  expect(health).toEqual({ "i-1": "up", "i-2": "down", "i-3": "down" });
  expect(internalAsked).toBe(false);
  expect([...authorizations]).toEqual([undefined]);

  const ask = async (promql: string): Promise<readonly { labels: object; value: string }[]> =>
    query(prometheus.url, promql);
  const stored = (await ask('count by (__name__) ({instance_id="i-1"})')).map(({ labels }) => labels);
  expect(stored.map((labels) => (labels as Record<string, string>)["__name__"]).sort()).toEqual([
    "forged_total",
    "honest_total",
    "late_total",
    "promferry_instance_info",
    "scrape_duration_seconds",
    "scrape_samples_post_metric_relabeling",
    "scrape_samples_scraped",
    "scrape_series_added",
    "up",
  ]);
  expect(await ask('up{instance_id="i-1"}')).toMatchObject([{ value: "1" }]);
  expect(await ask("forged_total")).toMatchObject([
    {
      labels: {
        job: "ferry-node",
        instance: `127.20.3.1:${port}`,
        instance_id: "i-1",
        project_id: "p-1",
        exported_instance_id: "i-9",
        exported_job: "billing",
      },
    },
  ]);
  expect(await ask("flood or internal_secret")).toEqual([]);
  // It says of itself that it is another machine: the alert's own expression sees it.
  const rules = alertRules({ jobs: { node: "ferry-node" }, wholeLists: true });
  const mismatch = rules.find(({ alert }) => alert === "FerryIdentityMismatch")!;
  expect(await ask(mismatch.expr)).toMatchObject([
    { labels: { instance_id: "i-1", exported_instance_id: "i-2" } },
  ]);
});
