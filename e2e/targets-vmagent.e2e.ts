/** vmagent beside Prometheus: the same job, the same lists, the samples in VictoriaMetrics. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_POLICY, type EndpointKind } from "@promferry/target-registry";
import {
  type Discovery,
  renderScrapeConfig,
  targetFileName,
  writeTargetFile,
} from "@promferry/target-registry/render";
import { createMemoryStore } from "@promferry/target-registry/store";
import { expect, type TestContext, test } from "vitest";
import {
  query,
  type RunningServer,
  requireServer,
  startVictoriaMetrics,
  startVmagent,
} from "./harness/index.ts";
import { page, serveOn } from "./targets/loopback.ts";
import { CAUSE, currentList, register } from "./targets/registered.ts";
import { activeTargets, idsOf, until } from "./targets/scraper.ts";

const KIND: EndpointKind = { ...DEFAULT_POLICY.endpoints[0]!, intervalMs: 1_000 };

async function temporaryFolder(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "vmagent-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function startWith(
  context: TestContext,
  discovery: Discovery,
): Promise<{ vmagent: RunningServer; stored: (promql: string) => ReturnType<typeof query> }> {
  const file = join(await temporaryFolder(context), "jobs.yml");
  await writeFile(file, renderScrapeConfig([{ kind: KIND, discovery }]));
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  const vmagent = await startVmagent({
    configFile: file,
    remoteWriteUrl: `${victoria.url}/api/v1/write`,
  });
  context.onTestFinished(vmagent.stop);
  return { vmagent, stored: (promql) => query(victoria.url, promql) };
}

async function serveList(context: TestContext, body: () => Promise<Uint8Array | string>): Promise<string> {
  const port = await serveOn(context, "127.0.0.1", 0, async (_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(await body());
  });
  return `http://127.0.0.1:${port}/v1/sd/prometheus?endpoint=node`;
}

test("vmagent, http_sd: what is registered is scraped, with its labels, and follows the list", async (context) => {
  requireServer(context, "vmagent", "victoria-metrics");
  const store = createMemoryStore();
  const port = await serveOn(context, "127.33.0.1", 0, page("node_boot_time_seconds 1\n"));
  await serveOn(context, "127.33.0.2", port, page("node_boot_time_seconds 2\n"));
  await register(store, "i-1", "s-1", { address: "127.33.0.1", port }, { zone: "größe" });
  await register(store, "i-2", "s-2", { address: "127.33.0.2", port });
  const authorizations = new Set<string | undefined>();
  const listPort = await serveOn(context, "127.0.0.1", 0, async (request, response) => {
    authorizations.add(request.headers.authorization);
    response.setHeader("content-type", "application/json");
    response.end(await currentList(store));
  });
  const tokenFile = join(await temporaryFolder(context), "token");
  await writeFile(tokenFile, "reader-secret\n");
  const url = `http://127.0.0.1:${listPort}/v1/sd/prometheus?endpoint=node`;
  const { vmagent, stored } = await startWith(context, { type: "http", url, tokenFile, refreshMs: 1_000 });

  const isUp = (ids: string) => (all: Awaited<ReturnType<typeof activeTargets>>) =>
    all.every(({ health }) => health === "up") && idsOf(all).join() === ids;
  const targets = await until(() => activeTargets(vmagent), isUp("i-1,i-2"));
  const common = { job: "ferry-node", project_id: "p-1" };
  const labels = targets.map((target) => target.labels);
  expect(labels.sort((a, b) => (a["instance_id"]! < b["instance_id"]! ? -1 : 1))).toEqual([
    { ...common, instance: `127.33.0.1:${port}`, instance_id: "i-1", service_id: "s-1", zone: "größe" },
    { ...common, instance: `127.33.0.2:${port}`, instance_id: "i-2", service_id: "s-2" },
  ]);
  const boot = () => stored('node_boot_time_seconds{service_id="s-2"}');
  expect(await until(boot, (found) => found.length === 1)).toMatchObject([{ value: "2" }]);

  await store.apply("i-1", { type: "remove" }, CAUSE);
  expect(idsOf(await until(() => activeTargets(vmagent), isUp("i-2")))).toEqual(["i-2"]);
  expect([...authorizations]).toEqual(["Bearer reader-secret"]);
});

test("vmagent, file_sd: a list that is replaced is seen, and no read ever fails", async (context) => {
  requireServer(context, "vmagent", "victoria-metrics");
  const store = createMemoryStore();
  const port = await serveOn(context, "127.33.1.1", 0, page("node_boot_time_seconds 1\n"));
  const dir = join(await temporaryFolder(context), "targets");
  await mkdir(dir);
  const file = join(dir, targetFileName("node"));
  await register(store, "i-1", "s-1", { address: "127.33.1.1", port });
  await writeTargetFile(file, await currentList(store));
  const { vmagent } = await startWith(context, { type: "file", files: [join(dir, "node*.json")] });
  const count = (wanted: number) =>
    until(
      () => activeTargets(vmagent),
      (all) => all.length === wanted,
    );
  expect(idsOf(await count(1))).toEqual(["i-1"]);

  for (let i = 2; i <= 40; i++) {
    await register(store, `i-${i}`, "s-1", { address: "127.33.1.2", port: 9_000 + i });
    await writeTargetFile(file, await currentList(store));
  }
  expect(await count(40)).toHaveLength(40);
  expect(vmagent.log()).not.toMatch(/cannot (?:read|parse|unmarshal)/);
});

test("vmagent: a hostile list steers nothing but an address", async (context) => {
  requireServer(context, "vmagent", "victoria-metrics");
  const asked = new Set<string>();
  const port = await serveOn(context, "127.33.2.1", 0, (request, response) => {
    asked.add(`${request.url}`);
    page('forged_total{job="billing",instance_id="i-9"} 1\nup 7\nclick_deploy_service_x 1\n')(
      request,
      response,
    );
  });
  const meta = { __meta_ferry_instance: "i-1", __meta_ferry_project: "p-1", __meta_ferry_service: "s-1" };
  const target = `127.33.2.1:${port}`;
  const steering = {
    ...{ job: "billing", instance: "victim", instance_id: "i-9", project_id: "p-9" },
    ...{ __scheme__: "https", __metrics_path__: "/admin", __param_target: "http://169.254.169.254/" },
    ...{ __scrape_interval__: "10ms", __series_limit__: "1", __stream_parse__: "true" },
    ...{ __meta_ferry_label_job: "billing", __meta_ferry_label_zone: "eu" },
  };
  const groups = [
    { targets: [target], labels: { ...meta, ...steering } },
    { targets: [target], labels: { job: "no-ids" } },
    // vmagent takes whole addresses for targets.
    { targets: [`http://${target}/admin?x=y`, `${target}/admin`, "metadata.internal:80"], labels: meta },
  ];
  const url = await serveList(context, async () => JSON.stringify(groups));
  const { vmagent, stored } = await startWith(context, { type: "http", url, refreshMs: 1_000 });

  const targets = await until(
    () => activeTargets(vmagent),
    (all) => all.some(({ health }) => health === "up"),
  );
  const ours = { instance: target, instance_id: "i-1", project_id: "p-1", service_id: "s-1" };
  expect(targets.map(({ scrapeUrl, labels }) => [scrapeUrl, labels])).toEqual([
    [`http://${target}/metrics`, { job: "ferry-node", ...ours, zone: "eu" }],
  ]);
  const forged = await until(
    () => stored("forged_total"),
    (found) => found.length > 0,
  );
  expect(forged).toMatchObject([
    { labels: { job: "ferry-node", ...ours, exported_job: "billing", exported_instance_id: "i-9" } },
  ]);
  expect(await stored("up")).toMatchObject([{ value: "1" }]);
  expect(await stored("click_deploy_service_x")).toEqual([]);
  expect([...asked]).toEqual(["/metrics"]);
});
