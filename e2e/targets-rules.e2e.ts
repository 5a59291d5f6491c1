/** The rules that the registry generates, by Prometheus' own tools, on a fleet whose truth was worked out by hand. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderRules } from "@promferry/target-registry/render";
import { expect, type TestContext, test } from "vitest";
import { requireServer, runPromtool } from "./harness/index.ts";

const STEPS = 40;
const STEP_SECONDS = 30;
const EVAL_TIME = "20m";
const GIB = 2 ** 30;

interface Machine {
  readonly instance: string;
  readonly service: string;
  readonly cores: number;
  /** Share of each core that does work. A tenth of the rest is I/O wait. */
  readonly busy: number;
  readonly usedGib: number;
  readonly receivedPerSecond: number;
}

/** targets.md's fleet: svc-a has 5 cores of which 2 are busy, 3.5 GiB in use, 3,000 B/s; svc-b has 2, 1, 1 GiB, 500 B/s. */
const FLEET: readonly Machine[] = [
  { instance: "i-1", service: "svc-a", cores: 4, busy: 0.25, usedGib: 2.5, receivedPerSecond: 2_000 },
  { instance: "i-2", service: "svc-a", cores: 1, busy: 1, usedGib: 1, receivedPerSecond: 1_000 },
  { instance: "i-3", service: "svc-b", cores: 2, busy: 0.5, usedGib: 1, receivedPerSecond: 500 },
];

interface InputSeries {
  readonly series: string;
  readonly values: string;
}

function selector(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.join(",")}}`;
}

function rising(perSecond: number): string {
  return `0+${perSecond * STEP_SECONDS}x${STEPS}`;
}

function seriesOf(machine: Machine, address = "10.0.0.1:9100"): readonly InputSeries[] {
  const { instance, service, cores, busy, usedGib, receivedPerSecond } = machine;
  const target = {
    job: "ferry-node",
    instance: address,
    instance_id: instance,
    project_id: "p-1",
    service_id: service,
  };
  const modes = { user: busy, idle: (1 - busy) * 0.9, iowait: (1 - busy) * 0.1 };
  const cpus = Array.from({ length: cores }, (_, cpu) =>
    Object.entries(modes).map(([mode, share]) => ({
      series: selector("node_cpu_seconds_total", { ...target, cpu: `${cpu}`, mode }),
      values: rising(share),
    })),
  ).flat();
  // The physical card's traffic is seen again on each of the others.
  const devices = ["eth0", "lo", "docker0", "veth12ab", "bond0", "eth0.100", "br-1"];
  return [
    ...cpus,
    { series: selector("node_memory_MemTotal_bytes", target), values: `${8 * GIB}+0x${STEPS}` },
    {
      series: selector("node_memory_MemAvailable_bytes", target),
      values: `${(8 - usedGib) * GIB}+0x${STEPS}`,
    },
    ...devices.flatMap((device) => [
      {
        series: selector("node_network_receive_bytes_total", { ...target, device }),
        values: rising(receivedPerSecond),
      },
      {
        series: selector("node_network_transmit_bytes_total", { ...target, device }),
        values: rising(receivedPerSecond / 4),
      },
    ]),
    { series: selector("up", target), values: `1+0x${STEPS}` },
  ];
}

/** Runs `promtool test rules`; each expression must give exactly these samples, `{labels} value`. */
async function testRules(
  context: TestContext,
  rules: string,
  input: readonly InputSeries[],
  expected: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Promise<void> {
  requireServer(context, "promtool");
  const dir = await mkdtemp(join(tmpdir(), "target-rules-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "rules.yml"), rules);
  const suite = {
    rule_files: ["rules.yml"],
    evaluation_interval: `${STEP_SECONDS}s`,
    tests: [
      {
        interval: `${STEP_SECONDS}s`,
        input_series: input,
        promql_expr_test: Object.entries(expected).map(([expr, samples]) => ({
          expr,
          eval_time: EVAL_TIME,
          exp_samples: Object.entries(samples).map(([labels, value]) => ({ labels, value })),
        })),
      },
    ],
  };
  await writeFile(join(dir, "test.yml"), JSON.stringify(suite));
  const { stdout, stderr, code } = await runPromtool(["test", "rules", "test.yml"], { cwd: dir });
  expect(`${stdout}${stderr}`).toContain("SUCCESS");
  expect(code).toBe(0);
}

for (const [name, rules] of [
  ["by default", renderRules()],
  [
    "with names of our own",
    renderRules({
      prefix: "acme",
      jobs: { node: "n-1", app: "a.b+c" },
      intervalMs: 15_000,
      wholeLists: false,
    }),
  ],
] as const) {
  test(`promtool takes the rules ${name}`, async (context) => {
    requireServer(context, "promtool");
    const dir = await mkdtemp(join(tmpdir(), "target-rules-"));
    context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
    await writeFile(join(dir, "rules.yml"), rules);
    const { stdout, stderr, code } = await runPromtool(["check", "rules", "--lint=all", "rules.yml"], {
      cwd: dir,
    });
    expect(`${stdout}${stderr}`).toContain("SUCCESS: 15 rules found");
    expect(code).toBe(0);
  });
}

const SVC_A = 'project_id="p-1", service_id="svc-a"';
const SVC_B = 'project_id="p-1", service_id="svc-b"';

/** Rounded where a rate is a quotient of binary fractions. */
function service(metric: string, unit: number): string {
  return `round(${metric}, ${unit})`;
}

test("what is recorded is the truth", async (context) => {
  const twice = seriesOf(FLEET[2]!, "10.0.0.3:9100");
  await testRules(context, renderRules(), [...FLEET.flatMap((machine) => seriesOf(machine)), ...twice], {
    [service("100 * max by (instance_id) (click_deploy:instance_cpu_busy:ratio_rate)", 0.001)]: {
      '{instance_id="i-1"}': 25,
      '{instance_id="i-2"}': 100,
      '{instance_id="i-3"}': 50,
    },
    [service("click_deploy_service_cpu_usage_percent", 0.001)]: {
      [`{${SVC_A}}`]: 40,
      [`{${SVC_B}}`]: 50,
    },
    click_deploy_service_memory_usage_bytes: {
      [`click_deploy_service_memory_usage_bytes{${SVC_A}}`]: 3.5 * GIB,
      [`click_deploy_service_memory_usage_bytes{${SVC_B}}`]: 1 * GIB,
    },
    [service("click_deploy_service_network_traffic_in_bytes:rate", 0.001)]: {
      [`{${SVC_A}}`]: 3_000,
      [`{${SVC_B}}`]: 500,
    },
    [service("click_deploy_service_network_traffic_out_bytes:rate", 0.001)]: {
      [`{${SVC_A}}`]: 750,
      [`{${SVC_B}}`]: 125,
    },
    "click_deploy_service_targets_up:ratio": {
      [`click_deploy_service_targets_up:ratio{${SVC_A}}`]: 1,
      [`click_deploy_service_targets_up:ratio{${SVC_B}}`]: 1,
    },
  });
});

test("a counter that begins again costs one step, not the whole sum", async (context) => {
  const [first, ...rest] = FLEET;
  const traffic = selector("node_network_receive_bytes_total", {
    job: "ferry-node",
    instance: "10.0.0.1:9100",
    instance_id: "i-1",
    project_id: "p-1",
    service_id: "svc-a",
    device: "eth0",
  });
  // At 19 min 30 s it begins again, 500 ms late.
  const reset = { series: traffic, values: "10000000+60000x38 59000+60000x1" };
  const others = seriesOf(first!).filter(({ series }) => series !== traffic);
  const input = [...others, reset, ...rest.flatMap((machine) => seriesOf(machine))];
  await testRules(context, renderRules(), input, {
    [service(`click_deploy_service_network_traffic_in_bytes:rate{service_id="svc-a"}`, 1)]: {
      [`{${SVC_A}}`]: 2_989,
    },
  });
});

test("where there is no data nothing is recorded, and a new instance does not dilute its service", async (context) => {
  const machine = seriesOf(FLEET[0]!);
  const fresh = seriesOf({ ...FLEET[1]!, instance: "i-new" })
    .filter(({ series }) => series.includes("_cpu_"))
    // Only its newest sample: it has cores, and no rate.
    .map(({ series }) => ({ series, values: `_x${STEPS} 1` }));
  await testRules(context, renderRules(), [...machine, ...fresh], {
    [service("click_deploy_service_cpu_usage_percent", 0.001)]: { [`{${SVC_A}}`]: 25 },
    [`click_deploy_service_cpu_usage_percent{service_id="svc-b"}`]: {},
    [`click_deploy_service_memory_usage_bytes{service_id="svc-b"}`]: {},
  });
});

const NODE = {
  job: "ferry-node",
  instance: "10.0.0.1:9100",
  instance_id: "i-1",
  project_id: "p-1",
  service_id: "s-1",
};
const steady = (value: number): string => `${value}+0x${STEPS}`;

const calm: readonly InputSeries[] = [
  { series: selector("up", NODE), values: steady(1) },
  { series: selector("promferry_targets_instances", { state: "lost" }), values: steady(0) },
  { series: selector("promferry_targets_instances", { state: "active" }), values: steady(9) },
  { series: "promferry_targets_list_age_seconds", values: steady(3) },
  { series: "promferry_targets_authoritative", values: steady(1) },
  { series: selector("promferry_targets_served", { endpoint: "node" }), values: steady(9) },
  { series: selector("promferry_targets_served", { endpoint: "app" }), values: steady(2) },
  discovered("ferry-node", 9),
  discovered("ferry-app", 2),
  discovered("somebody-else", 7),
  {
    series: selector("prometheus_sd_last_update_timestamp_seconds", { name: "scrape", config: "ferry-node" }),
    values: `0+${STEP_SECONDS}x${STEPS}`,
  },
  { series: "prometheus_sd_http_failures_total", values: steady(4) },
  { series: "prometheus_sd_file_read_errors_total", values: steady(4) },
  { series: selector("prometheus_sd_failed_configs", { name: "scrape" }), values: steady(0) },
  {
    series: selector("promferry_instance_info", { ...NODE, exported_instance_id: "i-1" }),
    values: steady(1),
  },
];

function discovered(config: string, count: number): InputSeries {
  return {
    series: selector("prometheus_sd_discovered_targets", { name: "scrape", config }),
    values: steady(count),
  };
}

function instead(...changed: readonly InputSeries[]): readonly InputSeries[] {
  const names = new Set(changed.map(({ series }) => series));
  return [...calm.filter(({ series }) => !names.has(series)), ...changed];
}

for (const { name, input, alert } of [
  { name: "all is well", input: calm, alert: undefined },
  {
    name: "another job's target is down",
    input: instead({ series: selector("up", { job: "x" }), values: steady(0) }),
    alert: undefined,
  },
  {
    name: "a target is down",
    input: instead({ series: selector("up", NODE), values: steady(0) }),
    alert: "FerryTargetDown",
  },
  {
    name: "a target was down for a minute",
    input: instead({ series: selector("up", NODE), values: `1+0x36 0 0 1 1` }),
    alert: undefined,
  },
  {
    name: "an instance is lost",
    input: instead({ series: selector("promferry_targets_instances", { state: "lost" }), values: steady(2) }),
    alert: "FerryInstanceLost",
  },
  {
    name: "the list is old",
    input: instead({ series: "promferry_targets_list_age_seconds", values: steady(300) }),
    alert: "FerryDiscoveryStale",
  },
  {
    name: "the service does not vouch for its list",
    input: instead({ series: "promferry_targets_authoritative", values: steady(0) }),
    alert: "FerryDiscoveryStale",
  },
  {
    name: "Prometheus has fewer targets",
    input: instead(discovered("ferry-node", 8)),
    alert: "FerryDiscoveryStale",
  },
  {
    name: "Prometheus has more targets",
    input: instead(discovered("ferry-app", 3)),
    alert: "FerryDiscoveryStale",
  },
  {
    name: "Prometheus heard of nothing for long",
    input: instead({
      series: selector("prometheus_sd_last_update_timestamp_seconds", {
        name: "scrape",
        config: "ferry-node",
      }),
      // Before the time of the test begins.
      values: steady(-1_000),
    }),
    alert: "FerryDiscoveryStale",
  },
  {
    name: "the list can't be fetched",
    input: instead({ series: "prometheus_sd_http_failures_total", values: `4+1x${STEPS}` }),
    alert: "FerryDiscoveryErrors",
  },
  {
    name: "a file can't be read",
    input: instead({ series: "prometheus_sd_file_read_errors_total", values: `4+1x${STEPS}` }),
    alert: "FerryDiscoveryErrors",
  },
  {
    name: "another machine answers at the address",
    input: instead(
      {
        series: selector("promferry_instance_info", { ...NODE, exported_instance_id: "i-1" }),
        values: `1x3 stale`,
      },
      {
        series: selector("promferry_instance_info", { ...NODE, exported_instance_id: "i-2" }),
        values: steady(1),
      },
    ),
    alert: "FerryIdentityMismatch",
  },
] as readonly { name: string; input: readonly InputSeries[]; alert: string | undefined }[]) {
  test(`${alert ?? "nothing"} fires when ${name}`, async (context) => {
    await testRules(context, renderRules(), input, {
      'count by (alertname) (ALERTS{alertstate="firing"})':
        alert === undefined ? {} : { [`{alertname="${alert}"}`]: 1 },
    });
  });
}

test("counts are not compared where a Prometheus reads a part", async (context) => {
  await testRules(context, renderRules({ wholeLists: false }), instead(discovered("ferry-node", 3)), {
    'ALERTS{alertstate="firing"}': {},
  });
});
