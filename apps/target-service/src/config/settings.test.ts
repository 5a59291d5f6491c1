import { expect, test } from "vitest";
import { settle } from "./settings.ts";

const HOME = "/home/somebody";

function of(text: string | undefined, env: Record<string, string> = {}) {
  return settle({
    env,
    home: HOME,
    ...(text !== undefined && { file: { path: "/etc/ferry/targets.yaml", text } }),
  });
}

test("nothing at all is a service on loopback with SQLite, for trying", () => {
  expect(of(undefined)).toMatchObject({
    ...{ host: "127.0.0.1", port: 9180, dataDir: `${HOME}/.promferry/targets`, acceptNewStore: true },
    store: { kind: "sqlite", file: `${HOME}/.promferry/targets/targets.db` },
    policy: { loopback: true },
    ...{ prometheus: undefined, targets: undefined, tls: undefined },
    metrics: { collect: false, intervalMs: 30_000 },
  });
});

test("an empty file is no longer for trying: no loopback targets, and a new store has to be confirmed", () => {
  expect(of("")).toMatchObject({ host: "127.0.0.1", policy: { loopback: false }, acceptNewStore: false });
});

test("the names of the first design are those of the environment, and win", () => {
  const env = {
    PROMETHEUS_URL: "http://localhost:9090",
    PROMETHEUS_TARGETS_DIR: "/etc/prometheus/targets",
    ENABLE_METRICS_COLLECTION: "true",
    METRICS_COLLECTION_INTERVAL: "45s",
  };
  const text =
    "prometheus: {url: 'http://other:1'}\nmetrics: {collect: false, interval: 5m}\ntargets: {dir: x, shards: 4}";
  expect(of(text, env)).toMatchObject({
    prometheus: { url: "http://localhost:9090" },
    targets: { dir: "/etc/prometheus/targets", shards: 4 },
    metrics: { collect: true, intervalMs: 45_000 },
  });
  expect(of(text)).toMatchObject({ targets: { dir: "/etc/ferry/x" }, metrics: { intervalMs: 300_000 } });
  expect(of("", { METRICS_COLLECTION_INTERVAL: "30" }).metrics.intervalMs).toBe(30_000);
});

test("endpoints of the file stand beside the known ones, or in their place", () => {
  const text = [
    "policy:",
    "  endpoints:",
    "    - {name: node, interval: 15s}",
    "    - {name: envoy, path: /stats/prometheus, ports: [9901, 20000-20010], scheme: https}",
  ].join("\n");
  expect(of(text).policy.endpoints).toMatchObject([
    { name: "node", defaultPort: 9_100, ports: [[9_100, 9_100]], intervalMs: 15_000, path: "/metrics" },
    ...[{ name: "cadvisor" }, { name: "app" }],
    {
      name: "envoy",
      defaultPort: 9_901,
      ports: [
        [9_901, 9_901],
        [20_000, 20_010],
      ],
      scheme: "https",
    },
  ]);
});

test.each([
  ["listen: 127.0.0.1:1\nlisten_adress: x\n", {}, '/etc/ferry/targets.yaml:2:1: unknown key "listen_adress"'],
  ["policy:\n  loopback: perhaps\n", {}, ":2:13: expected true or false"],
  [
    "timings: {lease: soon}\nport: 1",
    {},
    ':1:18: expected a duration such as 30s, 5m, 12h, 30d\n/etc/ferry/targets.yaml:2:1: unknown key "port"',
  ],
  ["a: [", {}, "not valid YAML"],
  ["listen: 0.0.0.0:9180", {}, "join tokens would travel in clear"],
  ["tls: {cert_file: a}", {}, "tls: expected cert_file and key_file"],
  ["store: {memory: true, sqlite: a}", {}, "store: expected one of"],
  ["policy: {ranges: [nonsense]}", {}, "policy: expected a CIDR range"],
  ["policy: {endpoints: [{name: x}]}", {}, "policy.endpoints[0]"],
  [
    "policy: {endpoints: [{name: x, ports: [1000-2000], default_port: 80}]}",
    {},
    "policy.endpoints[0].default_port: expected one of ports, got 80",
  ],
  [
    "policy: {endpoints: [{name: x, ports: [1000], interval: 500ms}]}",
    {},
    "policy.endpoints[0].interval: expected whole seconds",
  ],
  ["store: {postgres: 'mysql://u:secret@h/d'}", {}, "store.postgres, or DATABASE_URL: expected postgres://"],
  ["", { DATABASE_URL: "mysql://u:secret@h/d" }, "store.postgres, or DATABASE_URL: expected postgres://"],
  ["", { PROMFERRY_TARGETS_LISTEN: "http://127.0.0.1:9180" }, "listen: expected host:port, got http://"],
  ["", { PROMFERRY_TARGETS_LISTEN: "::1:9180" }, "listen: expected host:port, got ::1:9180"],
  ["timings: {lease: 60s}", {}, "a third of the lease"],
  ["metrics: {collect: true}", {}, "PROMETHEUS_URL or prometheus.url"],
  ["", { METRICS_COLLECTION_INTERVAL: "often" }, "METRICS_COLLECTION_INTERVAL: expected a duration"],
  ["", { METRICS_COLLECTION_INTERVAL: "5s" }, "metrics.interval: expected 10s to 1d"],
  ["metrics: {interval: 30d}", {}, "metrics.interval: expected 10s to 1d"],
  ["drain_delay: 30d", {}, "drain_delay: expected at most 1d"],
  ["timings: {lease: 360d}\nsweep_interval: 30d", {}, "sweep_interval: expected at most 1d"],
  ["", { ENABLE_METRICS_COLLECTION: "maybe" }, "ENABLE_METRICS_COLLECTION: expected true or false"],
  ["", { PROMFERRY_TARGETS_LISTEN: "9180" }, "listen: expected host:port, got 9180"],
  ["listen: 127.0.0.1:99999", {}, "listen: expected host:port"],
  ["", { PROMETHEUS_URL: "localhost:9090" }, "PROMETHEUS_URL: expected an http"],
  ["", { PROMFERRY_TARGETS_URL: "targets:9180" }, "PROMFERRY_TARGETS_URL: expected an http"],
  ["", { PROMFERRY_TARGETS_LOG: "loud" }, "PROMFERRY_TARGETS_LOG: expected a level"],
])("%s with %j does not start", (text, env, message) => {
  expect(() => of(text, env as Record<string, string>)).toThrow(message);
});

test("what no store keeps, half a millisecond, is no interval of sweeps", () => {
  expect(of("timings: {lease: 12345ms, heartbeat: 1s}").sweepMs).toBe(1_235);
});

test("outside of loopback it wants TLS, or somebody who knows what he does", () => {
  expect(of("listen: '[::]:443'\ntls: {cert_file: a.pem, key_file: /k}")).toMatchObject({
    ...{ host: "::", port: 443, tls: { certFile: "/etc/ferry/a.pem", keyFile: "/k" } },
  });
  expect(of("listen: 10.0.0.1:80\ninsecure_http: true").host).toBe("10.0.0.1");
});
