/**
 * The per-service answer of the target service, against a real Prometheus with the generated rules, on a fleet of fake
 * exporters whose counters, and so the truth, are known (targets.md's fleet, plus containers and requests).
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_POLICY } from "@promferry/target-registry";
import { renderRules, renderScrapeConfig } from "@promferry/target-registry/render";
import { expect, type TestContext, test } from "vitest";
import { parse } from "yaml";
import { requireServer, startPrometheus, startSource, workspaceRoot } from "./harness/index.ts";

const INTERVAL_MS = 1_000;
/** Until the minute before the last ten-second boundary is full of scrapes: the window of rates. */
const WARM_UP_MS = 78_000;
const GIB = 2 ** 30;

interface Machine {
  readonly id: string;
  readonly service: string;
  readonly host: string;
  readonly cores: number;
  /** Share of each core that does work. A tenth of the rest is I/O wait. */
  readonly busy: number;
  readonly usedGib: number;
  readonly receivedPerSecond: number;
}

/** svc-a: 5 cores of which 2 are busy, 3.5 GiB in use, 3,000 B/s in. svc-b: 2 cores, 1 busy, 1 GiB, 500 B/s. */
const FLEET: readonly Machine[] = [
  {
    id: "i-1",
    service: "svc-a",
    host: "127.31.0.1",
    cores: 4,
    busy: 0.25,
    usedGib: 2.5,
    receivedPerSecond: 2_000,
  },
  {
    id: "i-2",
    service: "svc-a",
    host: "127.31.0.2",
    cores: 1,
    busy: 1,
    usedGib: 1,
    receivedPerSecond: 1_000,
  },
  {
    id: "i-3",
    service: "svc-b",
    host: "127.31.0.3",
    cores: 2,
    busy: 0.5,
    usedGib: 1,
    receivedPerSecond: 500,
  },
];

/** `at` seconds after the counters' start. */
function nodePage({ cores, busy, usedGib, receivedPerSecond }: Machine, at: number): string {
  const modes = { user: busy, idle: (1 - busy) * 0.9, iowait: (1 - busy) * 0.1 };
  const cpus = Array.from({ length: cores }, (_, cpu) =>
    Object.entries(modes).map(
      ([mode, share]) => `node_cpu_seconds_total{cpu="${cpu}",mode="${mode}"} ${share * at}`,
    ),
  ).flat();
  const devices = ["eth0", "lo", "docker0", "veth12ab", "bond0", "eth0.100", "br-1"].flatMap((device) => [
    `node_network_receive_bytes_total{device="${device}"} ${receivedPerSecond * at}`,
    `node_network_transmit_bytes_total{device="${device}"} ${(receivedPerSecond / 4) * at}`,
  ]);
  const memory = [
    `node_memory_MemTotal_bytes ${8 * GIB}`,
    `node_memory_MemAvailable_bytes ${(8 - usedGib) * GIB}`,
  ];
  return [...cpus, ...devices, ...memory, ""].join("\n");
}

/** Two containers and the slices that count them again. */
function cadvisorPage(at: number): string {
  const groups = { web: 0.5, db: 0.25, "": 0.75 };
  return Object.entries(groups)
    .flatMap(([name, cores]) => [
      `container_cpu_usage_seconds_total{id="/${name}",name="${name}",cpu="total"} ${cores * at}`,
      `container_memory_working_set_bytes{id="/${name}",name="${name}"} ${cores * GIB}`,
      `container_memory_usage_bytes{id="/${name}",name="${name}"} ${2 * cores * GIB}`,
      `container_network_receive_bytes_total{id="/${name}",name="${name}",interface="eth0"} ${100 * at}`,
    ])
    .concat("")
    .join("\n");
}

/** A histogram of `perSecond` requests of a quarter of a second each. */
function histogram(name: string, labels: string, perSecond: number, at: number): string[] {
  const count = Math.floor(perSecond * at);
  return [
    `${name}_bucket{${labels},le="0.2"} 0`,
    `${name}_bucket{${labels},le="0.4"} ${count}`,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${count * 0.25}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

/** Caddy: each request passes two handlers. 40 requests a second, a tenth of them fail. */
function caddyPage(at: number): string {
  return (
    ["subroute", "reverse_proxy"]
      .flatMap((handler) => [
        ...histogram(
          "caddy_http_request_duration_seconds",
          `server="srv0",handler="${handler}",code="200"`,
          36,
          at,
        ),
        ...histogram(
          "caddy_http_request_duration_seconds",
          `server="srv0",handler="${handler}",code="502"`,
          4,
          at,
        ),
      ])
      // The application behind it counts the same requests once more.
      .concat(`http_requests_total{code="200"} ${40 * at}`, "")
      .join("\n")
  );
}

/** An application's own: 10 requests a second, none fails. */
function appPage(at: number): string {
  return [`http_requests_total{method="GET",status="200"} ${Math.floor(10 * at)}`, ""].join("\n");
}

/** Serves a page whose counters began now; `reset` begins them anew. */
async function exporter(
  context: TestContext,
  host: string,
  page: (at: number) => string,
): Promise<{ port: number; reset: () => void; die: () => void }> {
  let start = performance.now();
  const server: Server = createServer((_, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(page((performance.now() - start) / 1_000));
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  const die = (): void => {
    server.closeAllConnections();
    server.close();
  };
  context.onTestFinished(die);
  const reset = (): void => {
    start = performance.now();
  };
  return { port: (server.address() as AddressInfo).port, reset, die };
}

async function startFleet(context: TestContext) {
  const nodes = await Promise.all(
    FLEET.map((machine) => exporter(context, machine.host, (at) => nodePage(machine, at))),
  );
  const cadvisor = await exporter(context, FLEET[0]!.host, cadvisorPage);
  const caddy = await exporter(context, FLEET[0]!.host, caddyPage);
  const app = await exporter(context, FLEET[1]!.host, appPage);
  const placeOf = ({ id, service }: Machine) => ({ id, project: "p-1", service, liveness: "platform" });
  const more: Readonly<Record<string, readonly { name: string; port: number }[]>> = {
    "i-1": [
      { name: "cadvisor", port: cadvisor.port },
      { name: "app", port: caddy.port },
    ],
    "i-2": [{ name: "app", port: app.port }],
  };
  const instances = FLEET.map((machine, i) => ({
    ...placeOf(machine),
    endpoints: [{ name: "node", port: nodes[i]!.port }, ...(more[machine.id] ?? [])].map((endpoint) => ({
      ...endpoint,
      address: machine.host,
    })),
  }));
  return { nodes, instances };
}

async function startMonitoring(
  context: TestContext,
  instances: Awaited<ReturnType<typeof startFleet>>["instances"],
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "service-metrics-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const kind of DEFAULT_POLICY.endpoints) {
    const groups = instances.flatMap(({ id, project, service, endpoints }) =>
      endpoints
        .filter(({ name }) => name === kind.name)
        .map(({ address, port }) => ({
          targets: [`${address}:${port}`],
          labels: {
            __meta_ferry_instance: id,
            __meta_ferry_project: project,
            __meta_ferry_service: service,
          },
        })),
    );
    await writeFile(join(dir, `${kind.name}.json`), JSON.stringify(groups));
  }
  const jobs = DEFAULT_POLICY.endpoints.map((kind) => ({
    kind: { ...kind, intervalMs: INTERVAL_MS },
    discovery: { type: "file", files: [join(dir, `${kind.name}.json`)] } as const,
  }));
  await writeFile(join(dir, "jobs.yml"), renderScrapeConfig(jobs));
  // Only the pace is the test's own.
  const { groups } = parse(renderRules({ intervalMs: INTERVAL_MS })) as { groups: object[] };
  const rules = { groups: groups.map((group) => ({ ...group, interval: "1s" })) };
  await writeFile(join(dir, "rules.yml"), JSON.stringify(rules));
  const prometheus = await startPrometheus({
    scrapeConfigFiles: [join(dir, "jobs.yml")],
    ruleFiles: [join(dir, "rules.yml")],
  });
  context.onTestFinished(prometheus.stop);
  return prometheus.url;
}

/** The real service, which writes what it derives into its SQLite store every ten seconds. */
async function startService(context: TestContext, prometheus: string, instances: readonly { id: string }[]) {
  const dir = await mkdtemp(join(tmpdir(), "service-metrics-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const ports = ["1024-65535"];
  const config = {
    listen: "127.0.0.1:0",
    data_dir: dir,
    store: { sqlite: join(dir, "targets.db") },
    accept_new_store: true,
    policy: {
      loopback: true,
      endpoints: DEFAULT_POLICY.endpoints.map(({ name }) => ({ name, ports, interval: "1s" })),
    },
  };
  await writeFile(join(dir, "config.yaml"), JSON.stringify(config));
  const program = await startSource(
    join(workspaceRoot, "apps/target-service/src/main.ts"),
    ["--config", join(dir, "config.yaml")],
    {
      timeoutMs: 300_000,
      env: {
        PROMETHEUS_URL: prometheus,
        ENABLE_METRICS_COLLECTION: "true",
        METRICS_COLLECTION_INTERVAL: "10s",
        PROMFERRY_TARGETS_LOG: "warn",
      },
    },
  );
  context.onTestFinished(() => program.stop());
  const [, url = ""] = await program.waitFor(/listens on (http:\S+)/);
  const token = (await readFile(join(dir, "first-platform-token"), "utf8")).trim();
  for (const { id, ...spec } of instances) {
    const answer = await fetch(`${url}/v1/instances/${id}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(spec),
    });
    expect(answer.status, await answer.text()).toBe(201);
  }
  return { url, token, database: join(dir, "targets.db") };
}

interface Metric {
  readonly unit: string;
  readonly status: string;
  readonly as_of: string | null;
  readonly instances: { readonly answered: number; readonly expected: number };
  readonly series: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number | null;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

async function ask(
  { url, token }: { readonly url: string; readonly token: string },
  path: string,
  parameters: Record<string, string> = {},
): Promise<Record<string, Metric>> {
  const answer = await fetch(`${url}/v1/${path}/metrics?${new URLSearchParams(parameters)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const document = (await answer.json()) as { metrics: Record<string, Metric> };
  expect(answer.status, JSON.stringify(document)).toBe(200);
  return document.metrics;
}

/** The only series' value. */
function onlyValue(metric: Metric | undefined): number {
  expect(metric?.series).toHaveLength(1);
  return metric!.series[0]!.value ?? Number.NaN;
}

/** Within `percent` of the truth: scrapes don't come to the millisecond. */
function expectAbout(found: number, truth: number, percent = 8): void {
  expect(found).toBeGreaterThan(truth * (1 - percent / 100));
  expect(found).toBeLessThan(truth * (1 + percent / 100));
}

const NAMES = {
  node: [
    "cpu_usage_percent",
    "memory_usage_bytes",
    "network_traffic_in_bytes:rate",
    "network_traffic_in_bytes_total",
  ],
  containers: [
    "container_cpu_usage_percent",
    "container_memory_usage_bytes",
    "container_network_traffic_in_bytes_total",
  ],
  requests: [
    "http_requests_total",
    "http_request_duration_seconds",
    "http_request_duration_seconds:p95",
    "http_request_errors:ratio",
  ],
};

function namesAt(level: string, names: readonly string[]): string {
  return names.map((name) => `click_deploy_${level}_${name}`).join(",");
}

test("what the service answers is the truth of the fleet, through a reset, a death and the end of all", {
  timeout: 180_000,
}, async (context) => {
  requireServer(context, "prometheus");
  const { nodes, instances } = await startFleet(context);
  const prometheus = await startMonitoring(context, instances);
  const unseen = { id: "i-9", project: "p-1", service: "svc-c", liveness: "platform" };
  const service = await startService(context, prometheus, [
    ...instances,
    { ...unseen, endpoints: [{ name: "node", address: "127.31.0.9", port: 9100 }] },
  ]);

  await delay(WARM_UP_MS / 2);
  nodes[1]!.reset();
  await delay(WARM_UP_MS / 2);

  const minute = (): Record<string, string> => ({ from: `${Date.now() - 60_000}`, step: "15" });
  const a = await ask(service, "services/svc-a", { names: namesAt("service", NAMES.node), ...minute() });
  const [cpu, memory, rate, total] = Object.values(a);
  for (const metric of [cpu, memory, rate, total]) {
    expect(metric).toMatchObject({ status: "ok", instances: { answered: 2, expected: 2 } });
    expect(Date.now() - Date.parse(metric!.as_of!)).toBeLessThan(5_000);
    expect(metric!.series[0]!.points.length).toBeGreaterThanOrEqual(3);
  }
  expectAbout(onlyValue(cpu), 40);
  expect(onlyValue(memory)).toBe(3.5 * GIB);
  // Each reset loses what came between the last scrape and it: at most a second of i-2's.
  expectAbout(onlyValue(rate), 3_000);
  expectAbout(onlyValue(total), 180_000);
  expectAbout(total!.series[0]!.points.at(-1)![1], 45_000);

  // The same by default, under the names of the first design.
  expect(Object.keys(await ask(service, "services/svc-b"))).toEqual([
    "click_deploy_service_cpu_usage_percent",
    "click_deploy_service_memory_usage_bytes",
    "click_deploy_service_network_traffic_in_bytes_total",
    "click_deploy_service_network_traffic_out_bytes_total",
  ]);
  const i1 = await ask(service, "instances/i-1", { names: namesAt("instance", NAMES.node) });
  expectAbout(onlyValue(i1["click_deploy_instance_cpu_usage_percent"]), 25);
  expect(onlyValue(i1["click_deploy_instance_memory_usage_bytes"])).toBe(2.5 * GIB);
  // Three of seven cores are busy in the whole project. i-9 was registered and never scraped.
  const all = await ask(service, "projects/p-1", { names: namesAt("project", NAMES.node) });
  expectAbout(onlyValue(all["click_deploy_project_cpu_usage_percent"]), (100 * 3) / 7);
  expectAbout(onlyValue(all["click_deploy_project_network_traffic_in_bytes:rate"]), 3_500);
  expect(all["click_deploy_project_memory_usage_bytes"]).toMatchObject({
    status: "partial",
    instances: { answered: 3, expected: 4 },
  });

  const containers = await ask(service, "services/svc-a", {
    names: namesAt("service", NAMES.containers),
    ...minute(),
  });
  const [usage, workingSet, received] = Object.values(containers);
  expect(workingSet).toMatchObject({ status: "ok", instances: { answered: 1, expected: 1 } });
  expect(workingSet!.series.map(({ labels, value }) => [labels["container"], value])).toEqual([
    ["db", 0.25 * GIB],
    ["web", 0.5 * GIB],
  ]);
  expectAbout(usage!.series[0]!.value!, 25);
  expectAbout(usage!.series[1]!.value!, 50);
  expectAbout(received!.series[0]!.value!, 6_000);

  // 40 a second through Caddy, counted in two handlers and by the application too; 10 of i-2's own.
  const requests = await ask(service, "services/svc-a", {
    names: namesAt("service", NAMES.requests),
    ...minute(),
  });
  const [count, mean, p95, errors] = Object.values(requests);
  expect(count).toMatchObject({ status: "ok", unit: "requests", instances: { answered: 2, expected: 2 } });
  expectAbout(onlyValue(count), 3_000);
  expect(onlyValue(mean)).toBeCloseTo(0.25, 5);
  expectAbout(onlyValue(p95), 0.39);
  expectAbout(onlyValue(errors), 0.08, 10);
  // Only i-1 times its requests.
  expect(mean).toMatchObject({ status: "partial", instances: { answered: 1, expected: 2 } });
  const quiet = await ask(service, "instances/i-2", { names: namesAt("instance", NAMES.requests) });
  expect(onlyValue(quiet["click_deploy_instance_http_request_errors:ratio"])).toBe(0);

  // What nobody ever brought is no data, never 0.
  const never = await ask(service, "services/svc-c");
  for (const metric of Object.values(never)) {
    expect(metric).toMatchObject({ status: "no_data", as_of: null, series: [] });
    expect(metric.instances).toEqual({ answered: 0, expected: 1 });
  }
  const none = await ask(service, "services/svc-b", { names: namesAt("service", NAMES.requests) });
  for (const metric of Object.values(none)) {
    expect(metric).toMatchObject({ status: "no_data", instances: { answered: 0, expected: 0 } });
  }

  // The collector's rows say the same, once for each interval.
  const table = new DatabaseSync(service.database, { readOnly: true });
  const rows = table
    .prepare(
      "select name, value, at, labels from metrics where resource_type = ? and resource_id = ? order by at",
    )
    .all("service", "svc-a") as { name: string; value: number; at: number; labels: string }[];
  table.close();
  const latest = rows.at(-1)!.at;
  expect(latest % 10_000).toBe(0);
  const last = new Map(rows.filter(({ at }) => at === latest).map((row) => [row.name, row]));
  expect([...last.keys()].sort()).toEqual([
    "click_deploy_service_cpu_usage_percent",
    "click_deploy_service_memory_usage_bytes",
    "click_deploy_service_network_traffic_in_bytes_total",
    "click_deploy_service_network_traffic_out_bytes_total",
  ]);
  expect(rows.filter(({ at }) => at === latest)).toHaveLength(4);
  const stored = last.get("click_deploy_service_memory_usage_bytes");
  expect(stored?.value).toBe(3.5 * GIB);
  expect(JSON.parse(stored?.labels ?? "")).toMatchObject({ project_id: "p-1", unit: "bytes" });
  // Ten seconds hold ten scrapes: one that comes late is a tenth.
  expectAbout(last.get("click_deploy_service_network_traffic_in_bytes_total")?.value ?? 0, 30_000, 12);

  // One dies: what is left is said to be a part.
  nodes[1]!.die();
  await delay(4_000);
  const memoryName = "click_deploy_service_memory_usage_bytes";
  const part = (await ask(service, "services/svc-a", { names: memoryName }))[memoryName];
  expect(part).toMatchObject({ status: "partial", instances: { answered: 1, expected: 2 } });
  expect(onlyValue(part)).toBe(2.5 * GIB);
  expect((await ask(service, "services/svc-b"))["click_deploy_service_memory_usage_bytes"]?.status).toBe(
    "ok",
  );

  // All are dead: old values and their time, and nothing where the range has none.
  nodes[0]!.die();
  await delay(4_000);
  const old = (await ask(service, "services/svc-a", { names: memoryName, ...minute() }))[memoryName];
  expect(old).toMatchObject({ status: "stale", instances: { answered: 0, expected: 2 } });
  expect(Date.now() - Date.parse(old!.as_of!)).toBeGreaterThan(2_000);
  expect(old!.series[0]!.points.every(([, value]) => value > 0)).toBe(true);
  await delay(14_000);
  const gone = await ask(service, "services/svc-a", {
    names: memoryName,
    from: `${Date.now() - 15_000}`,
    step: "15",
  });
  expect(gone[memoryName]).toMatchObject({ status: "no_data", as_of: null, series: [] });
  // Of another time, Prometheus knows who was there.
  const before = await ask(service, "services/svc-a", {
    names: memoryName,
    from: `${Date.now() - 60_000}`,
    to: `${Date.now() - 35_000}`,
  });
  expect(before[memoryName]).toMatchObject({ status: "ok", instances: { answered: 2, expected: 2 } });
});
