import { compileRelabel, type RelabelConfig } from "@promferry/core/relabel";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { DEFAULT_POLICY, type EndpointKind } from "../model/policy.ts";
import { renderScrapeConfig, type ScrapeJobOptions } from "./scrape-config.ts";

const NODE = DEFAULT_POLICY.endpoints[0]!;
const FILES = { type: "file", files: ["/etc/prometheus/targets/node*.json"] } as const;

interface Job {
  readonly [key: string]: unknown;
  readonly relabel_configs: RelabelConfig[];
  readonly metric_relabel_configs: RelabelConfig[];
}

function jobOf(options: Partial<ScrapeJobOptions> = {}): Job {
  const text = renderScrapeConfig([{ kind: NODE, discovery: FILES, ...options }]);
  return (parse(text) as { scrape_configs: Job[] }).scrape_configs[0]!;
}

/** What Prometheus makes of a discovered target before it dials: undefined when it is dropped. */
function relabel(
  labels: Record<string, string>,
  options: Partial<ScrapeJobOptions> = {},
): Record<string, string> | undefined {
  const job = jobOf(options);
  const discovered = {
    __scheme__: "http",
    __metrics_path__: "/metrics",
    __scrape_interval__: "30s",
    __scrape_timeout__: "10s",
    job: "ferry-node",
    ...labels,
  };
  const kept = compileRelabel(job.relabel_configs)(
    Object.entries(discovered).map(([name, value]) => ({ name, value })),
  );
  return kept && Object.fromEntries(kept.map(({ name, value }) => [name, value]));
}

const TARGET = {
  __address__: "10.0.0.1:9100",
  __meta_ferry_instance: "i-1",
  __meta_ferry_project: "p-1",
  __meta_ferry_service: "s-1",
};
const PINNED = {
  __address__: "10.0.0.1:9100",
  __scheme__: "http",
  __metrics_path__: "/metrics",
  __scrape_interval__: "30s",
  __scrape_timeout__: "10s",
  job: "ferry-node",
  instance: "10.0.0.1:9100",
  instance_id: "i-1",
  project_id: "p-1",
  service_id: "s-1",
};

function pinnedOf(labels: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([name]) => !name.startsWith("__meta_")));
}

test("a target of a list gets its labels and the job's own settings", () => {
  const labels = relabel({ ...TARGET, __meta_ferry_label_zone: "eu", __meta_url: "http://x" });
  expect(pinnedOf(labels)).toEqual({ ...PINNED, zone: "eu" });
});

for (const [name, value] of Object.entries({
  job: "other",
  instance: "other",
  instance_id: "i-2",
  project_id: "p-2",
  __scheme__: "https",
  __metrics_path__: "/admin",
  __scrape_interval__: "10ms",
  __scrape_timeout__: "9ms",
  __param_target: "http://169.254.169.254",
  __unix_socket__: "/run/docker.sock",
  __tmp_anything: "x",
  __future_label__: "x",
  exported_job: "x",
  zone: "raw",
  __meta_ferry_label_job: "other",
  __meta_ferry_label_instance_id: "i-2",
  __meta_ferry_label___param_x: "y",
  __meta_ferry_label___address__: "10.9.9.9:1",
  __meta_ferry_label_Zone: "x",
})) {
  test(`a list can't steer the scrape with ${name}`, () => {
    expect(pinnedOf(relabel({ ...TARGET, [name]: value }))).toEqual(PINNED);
  });
}

for (const [name, value] of [
  ["__address__", "metadata.internal:80"],
  ["__address__", "10.0.0.1"],
  ["__address__", "10.0.0.1:9100/admin"],
  ["__address__", "10.0.0.1:9100?x=y"],
  ["__address__", "http://10.0.0.1:9100"],
  ["__address__", "[fe80::1%eth0]:9100"],
  ["__address__", "x@10.0.0.1:9100"],
  ["__meta_ferry_instance", ""],
  ["__meta_ferry_instance", "i-1;p-2;s-2"],
  ["__meta_ferry_project", "p 1"],
  ["__meta_ferry_service", "s\n1"],
] as const) {
  test(`a target with ${name} = ${JSON.stringify(value)} is dropped`, () => {
    expect(relabel({ ...TARGET, [name]: value })).toBeUndefined();
  });
}

test("whatever a list says, what is scraped is an address of it, in the job's own way", () => {
  const name = fc.oneof(
    fc.constantFrom(...Object.keys(PINNED), ...Object.keys(TARGET)),
    fc.stringMatching(/^(?:__meta_ferry_label_|__param_|__meta_|__|)[a-zA-Z0-9_]{0,12}$/),
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        name.filter((text) => text !== ""),
        fc.string({ maxLength: 20 }),
      ),
      (hostile) => {
        const labels = relabel({ ...TARGET, ...hostile });
        if (labels === undefined) return;
        expect(labels).toMatchObject({
          __scheme__: "http",
          __metrics_path__: "/metrics",
          __scrape_interval__: "30s",
          __scrape_timeout__: "10s",
          job: "ferry-node",
          instance: labels["__address__"],
        });
        const special = Object.keys(labels).filter(
          (label) => label.startsWith("__") && !label.startsWith("__meta_"),
        );
        expect(special.sort()).toEqual([
          "__address__",
          "__metrics_path__",
          "__scheme__",
          "__scrape_interval__",
          "__scrape_timeout__",
        ]);
      },
    ),
    { numRuns: 100 },
  );
});

for (const [metric, kept] of [
  ["node_cpu_seconds_total", true],
  ["upstream_total", true],
  ["promferry_instance_info", true],
  ["up", false],
  ["scrape_duration_seconds", false],
  ["ALERTS", false],
  ["ALERTS_FOR_STATE", false],
  ["click_deploy_service_cpu_usage_percent", false],
  ["click_deploy:instance_cpu_busy:ratio_rate", false],
  ["promferry_targets_instances", false],
] as const) {
  test(`a target ${kept ? "may" : "can't"} bring ${metric}`, () => {
    const drop = compileRelabel(jobOf().metric_relabel_configs);
    expect(drop([{ name: "__name__", value: metric }]) !== undefined).toBe(kept);
  });
}

test("only a node exporter says which machine it is", () => {
  const app = DEFAULT_POLICY.endpoints.find(({ name }) => name === "app")!;
  const drop = compileRelabel(jobOf({ kind: app }).metric_relabel_configs);
  expect(drop([{ name: "__name__", value: "promferry_instance_info" }])).toBeUndefined();
});

test("a job is hardened, and discovers as it was told", () => {
  const kind: EndpointKind = { ...NODE, scheme: "https" };
  const url = "https://targets.internal/v1/sd/prometheus?endpoint=node&shard=0/4";
  const discovery = {
    type: "http",
    url,
    tokenFile: "/etc/ferry/token",
    caFile: "/etc/ferry/ca.pem",
  } as const;
  const { relabel_configs, metric_relabel_configs, ...job } = jobOf({
    kind,
    discovery,
    targetCaFile: "/etc/x.pem",
  });
  expect(job).toEqual({
    job_name: "ferry-node",
    scrape_interval: "30s",
    scrape_timeout: "10s",
    scheme: "https",
    metrics_path: "/metrics",
    honor_labels: false,
    honor_timestamps: false,
    follow_redirects: false,
    tls_config: { ca_file: "/etc/x.pem" },
    body_size_limit: "16MB",
    sample_limit: 10_000,
    label_limit: 64,
    label_name_length_limit: 128,
    label_value_length_limit: 1024,
    http_sd_configs: [
      {
        url,
        refresh_interval: "30s",
        follow_redirects: false,
        authorization: { type: "Bearer", credentials_file: "/etc/ferry/token" },
        tls_config: { ca_file: "/etc/ferry/ca.pem" },
      },
    ],
  });
  expect(jobOf()["file_sd_configs"]).toEqual([{ files: FILES.files }]);
});

test("a timeout never exceeds its interval, and times are whole seconds", () => {
  expect(jobOf({ intervalMs: 5_000 })).toMatchObject({ scrape_interval: "5s", scrape_timeout: "5s" });
  for (const intervalMs of [0, -1_000, 1_500, Number.NaN]) {
    expect(() => jobOf({ intervalMs })).toThrow(RangeError);
  }
});
