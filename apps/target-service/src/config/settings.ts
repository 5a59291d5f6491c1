/** The configuration: its keys, its defaults, and what may not stand together. */
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import {
  createAddressPolicy,
  DEFAULT_POLICY,
  DEFAULT_TIMINGS,
  type EndpointKind,
  type Policy,
  type Timings,
} from "@promferry/target-registry";
import { DEFAULT_RATE_LIMITS, type RateLimits } from "../http/rate-limits.ts";
import {
  anyText,
  duration,
  flag,
  mapping,
  parseDuration,
  readYaml,
  scalar,
  sequence,
  text,
  whole,
} from "./yaml-reader.ts";

export interface Settings {
  readonly host: string;
  readonly port: number;
  /** Without a slash at the end. Undefined: what it listens on. */
  readonly publicUrl: string | undefined;
  readonly dataDir: string;
  readonly store:
    | { readonly kind: "sqlite"; readonly file: string }
    | { readonly kind: "postgres"; readonly url: string }
    /** Ends with the process. */
    | { readonly kind: "memory" };
  readonly tokensFile: string;
  readonly tls:
    | { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string | undefined }
    | undefined;
  readonly agentCaFile: string | undefined;
  readonly policy: Policy;
  readonly timings: Timings;
  readonly rateLimits: RateLimits;
  readonly prometheus: { readonly url: string; readonly tokenFile: string | undefined } | undefined;
  readonly targets: { readonly dir: string; readonly shards: number } | undefined;
  readonly metrics: {
    readonly prefix: string;
    /** Whether derived values are stored. */
    readonly collect: boolean;
    readonly intervalMs: number;
  };
  readonly sweepMs: number;
  readonly drainMs: number;
  readonly logLevel: string;
  readonly auditFile: string | undefined;
  readonly trustProxy: readonly string[];
  readonly acceptNewStore: boolean;
}

/** Why the service does not start: every problem, a line each. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export interface SettingsSource {
  /** Text of the configuration file; undefined where there is none. */
  readonly file?: { readonly path: string; readonly text: string };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: that of the user. */
  readonly home?: string;
}

const HTTP_URL = /^https?:\/\/[^\s?#]+$/;
const LOG_LEVEL = /^(?:fatal|error|warn|info|debug|trace|silent)$/;
const url = text(HTTP_URL, "an http or https address without query");
const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):(\d{1,5})$/;
const address = text(ADDRESS, "host:port");
const perMinute = whole(1, 10_000_000);
const ports = sequence(
  scalar("a port, or a span such as 8000-8999", (value) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value)) ?? [];
    const span = [Number(from), Number(to)] as const;
    return from !== undefined && span[0] >= 1 && span[0] <= span[1] && span[1] <= 65_535 ? span : undefined;
  }),
);

const fileReader = mapping({
  listen: address,
  public_url: url,
  data_dir: anyText,
  insecure_http: flag,
  store: mapping({ sqlite: anyText, postgres: anyText, memory: flag }),
  tokens_file: anyText,
  tls: mapping({ cert_file: anyText, key_file: anyText, client_ca_file: anyText }),
  agent_ca_file: anyText,
  policy: mapping({
    ranges: sequence(anyText),
    refuse: sequence(anyText),
    loopback: flag,
    instances_per_project: whole(1, 10_000_000),
    endpoints: sequence(
      mapping({
        name: text(/^[a-z][a-z0-9-]{0,31}$/, "a name such as node"),
        scheme: text(/^https?$/, "http or https"),
        path: text(/^\/[A-Za-z0-9._/-]{0,127}$/, "a path such as /metrics"),
        ports,
        default_port: whole(1, 65_535),
        interval: duration,
      }),
    ),
  }),
  timings: mapping({
    ...{ lease: duration, heartbeat: duration, lost_hold: duration, drain: duration, key: duration },
  }),
  rate_limits: mapping({
    ...{ platform: perMinute, instance: perMinute, join: perMinute, reader: perMinute },
  }),
  prometheus: mapping({ url, token_file: anyText }),
  targets: mapping({ dir: anyText, shards: whole(1, 16) }),
  metrics: mapping({
    prefix: text(/^[a-z][a-z0-9_]{0,63}$/, "a beginning of a metric's name"),
    collect: flag,
    interval: duration,
  }),
  sweep_interval: duration,
  drain_delay: duration,
  log_level: text(LOG_LEVEL, "a level such as info"),
  audit_file: anyText,
  trust_proxy: sequence(anyText),
  accept_new_store: flag,
});

/** A timer takes no more than 24 days, and fires at once where it is given more. */
const LONGEST_WAIT_MS = 86_400_000;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

/**
 * Settles the configuration from a file and the environment; the environment wins.
 *
 * Paths are relative to the file's folder. With neither, the service listens on loopback, keeps its data in
 * `~/.promferry/targets`, takes loopback addresses for targets, and counts its new store as the right one.
 *
 * @throws {SettingsError} With every problem; those of the file with `path:line:column`.
 */
export function settle({ file, env, home = homedir() }: SettingsSource): Settings {
  const problems: string[] = [];
  const read = file === undefined ? { ok: true as const, value: {} } : readYaml(file.text, fileReader);
  if (!read.ok) throw new SettingsError(read.problems.map((line) => `${file?.path}:${line}`).join("\n"));
  const given: NonNullable<ReturnType<typeof fileReader>> = read.value;
  const base = file === undefined ? process.cwd() : resolve(file.path, "..");
  const path = (text: string): string => {
    const expanded = text.startsWith("~/") ? join(home, text.slice(2)) : text;
    return isAbsolute(expanded) ? expanded : resolve(base, expanded);
  };
  const variable = (name: string): string | undefined => env[name] || undefined;

  const listen = variable("PROMFERRY_TARGETS_LISTEN") ?? given.listen ?? "127.0.0.1:9180";
  const [, host = "", port = ""] = ADDRESS.exec(listen) ?? [];
  if (host === "" || Number(port) > 65_535) {
    problems.push(`listen: expected host:port, got ${listen.slice(0, 80)}`);
  }
  const plainHost = host.replace(/^\[(.*)\]$/, "$1");
  const isLoopback = LOOPBACK.test(plainHost);
  const dataDir = path(variable("PROMFERRY_TARGETS_DATA") ?? given.data_dir ?? "~/.promferry/targets");
  const tls = given.tls;
  if (tls !== undefined && (tls.cert_file === undefined || tls.key_file === undefined)) {
    problems.push("tls: expected cert_file and key_file");
  }
  if (host !== "" && !isLoopback && tls === undefined && given.insecure_http !== true) {
    problems.push(
      `listen: ${plainHost} can be reached from outside, and join tokens would travel in clear: give tls, or insecure_http: true behind a proxy that ends TLS`,
    );
  }
  const store = given.store ?? {};
  if (Object.keys(store).length > 1) problems.push("store: expected one of sqlite, postgres, memory");
  const postgres = variable("DATABASE_URL") ?? store.postgres;
  // Without what came: a password may stand in it.
  if (postgres !== undefined && !/^postgres(?:ql)?:\/\//.test(postgres)) {
    problems.push("store.postgres, or DATABASE_URL: expected postgres://user@host:port/database");
  }
  const collect = environmentFlag("ENABLE_METRICS_COLLECTION") ?? given.metrics?.collect ?? false;
  const interval = variable("METRICS_COLLECTION_INTERVAL");
  const intervalMs = interval === undefined ? given.metrics?.interval : parseDuration(interval);
  if (interval !== undefined && intervalMs === undefined) {
    problems.push(
      `METRICS_COLLECTION_INTERVAL: expected a duration such as 30s, got ${interval.slice(0, 40)}`,
    );
  }
  if (intervalMs !== undefined && (intervalMs < 10_000 || intervalMs > LONGEST_WAIT_MS)) {
    problems.push("metrics.interval: expected 10s to 1d");
  }
  const prometheusUrl = variable("PROMETHEUS_URL") ?? given.prometheus?.url;
  if (prometheusUrl !== undefined && !HTTP_URL.test(prometheusUrl)) {
    problems.push("PROMETHEUS_URL: expected an http or https address");
  }
  if (collect && prometheusUrl === undefined) {
    problems.push("metrics.collect: expected PROMETHEUS_URL or prometheus.url with it");
  }
  const publicUrl = variable("PROMFERRY_TARGETS_URL") ?? given.public_url;
  if (publicUrl !== undefined && !HTTP_URL.test(publicUrl)) {
    problems.push("PROMFERRY_TARGETS_URL: expected an http or https address without query");
  }
  const logLevel = variable("PROMFERRY_TARGETS_LOG") ?? given.log_level ?? "info";
  if (!LOG_LEVEL.test(logLevel)) problems.push("PROMFERRY_TARGETS_LOG: expected a level such as info");
  const targetsDir = variable("PROMETHEUS_TARGETS_DIR") ?? given.targets?.dir;
  const policy: Policy = {
    ...DEFAULT_POLICY,
    ...(given.policy?.ranges && { ranges: given.policy.ranges }),
    ...(given.policy?.refuse && { refuse: given.policy.refuse }),
    ...(given.policy?.instances_per_project && {
      instancesPerProject: given.policy.instances_per_project,
    }),
    loopback: given.policy?.loopback ?? (file === undefined && isLoopback),
    endpoints: endpointKinds(given.policy?.endpoints, problems),
  };
  try {
    createAddressPolicy(policy);
  } catch (error) {
    problems.push(`policy: ${(error as Error).message}`);
  }
  const timings: Timings = {
    ...DEFAULT_TIMINGS,
    ...(given.timings?.lease && { leaseMs: given.timings.lease }),
    ...(given.timings?.heartbeat && { heartbeatMs: given.timings.heartbeat }),
    ...(given.timings?.lost_hold && { lostHoldMs: given.timings.lost_hold }),
    ...(given.timings?.drain && { drainMs: given.timings.drain }),
    ...(given.timings?.key && { keyMs: given.timings.key }),
  };
  if (timings.heartbeatMs > timings.leaseMs / 3) {
    problems.push("timings: expected a heartbeat of at most a third of the lease");
  }
  const sweepMs = given.sweep_interval ?? Math.min(10_000, Math.ceil(timings.leaseMs / 10));
  if (sweepMs > timings.leaseMs / 6) {
    problems.push("sweep_interval: expected at most a sixth of the lease");
  }
  for (const key of ["sweep_interval", "drain_delay"] as const) {
    if ((given[key] ?? 0) > LONGEST_WAIT_MS) problems.push(`${key}: expected at most 1d`);
  }
  if (problems.length > 0) throw new SettingsError(problems.join("\n"));

  return {
    host: plainHost,
    port: Number(port),
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    dataDir,
    store:
      postgres !== undefined
        ? { kind: "postgres", url: postgres }
        : store.memory === true
          ? { kind: "memory" }
          : { kind: "sqlite", file: store.sqlite ? path(store.sqlite) : join(dataDir, "targets.db") },
    tokensFile: given.tokens_file ? path(given.tokens_file) : join(dataDir, "tokens.yaml"),
    tls:
      tls?.cert_file === undefined || tls.key_file === undefined
        ? undefined
        : {
            certFile: path(tls.cert_file),
            keyFile: path(tls.key_file),
            clientCaFile: tls.client_ca_file && path(tls.client_ca_file),
          },
    agentCaFile: given.agent_ca_file && path(given.agent_ca_file),
    policy,
    timings,
    rateLimits: { ...DEFAULT_RATE_LIMITS, ...given.rate_limits },
    prometheus:
      prometheusUrl === undefined
        ? undefined
        : {
            url: prometheusUrl,
            tokenFile: given.prometheus?.token_file && path(given.prometheus.token_file),
          },
    targets:
      targetsDir === undefined ? undefined : { dir: path(targetsDir), shards: given.targets?.shards ?? 1 },
    metrics: {
      prefix: given.metrics?.prefix ?? "click_deploy",
      collect,
      intervalMs: intervalMs ?? 30_000,
    },
    sweepMs,
    drainMs: given.drain_delay ?? 0,
    logLevel,
    auditFile: given.audit_file && path(given.audit_file),
    trustProxy: given.trust_proxy ?? [],
    acceptNewStore: given.accept_new_store ?? (file === undefined && isLoopback && postgres === undefined),
  };

  function environmentFlag(name: string): boolean | undefined {
    const value = variable(name);
    if (value === undefined) return undefined;
    if (/^(?:true|1|yes|on)$/i.test(value)) return true;
    if (/^(?:false|0|no|off)$/i.test(value)) return false;
    problems.push(`${name}: expected true or false, got ${value.slice(0, 40)}`);
    return undefined;
  }
}

interface GivenEndpoint {
  readonly name?: string;
  readonly scheme?: string;
  readonly path?: string;
  readonly ports?: readonly (readonly [number, number])[];
  readonly default_port?: number;
  readonly interval?: number;
}

/** Kinds of the file replace those of the same name and stand beside the others. */
function endpointKinds(given: readonly GivenEndpoint[] = [], problems: string[]): readonly EndpointKind[] {
  const kinds = new Map(DEFAULT_POLICY.endpoints.map((kind) => [kind.name, kind]));
  for (const [i, entry] of given.entries()) {
    const { name, ports, default_port: port } = entry;
    const known = kinds.get(name ?? "");
    const spans = ports ?? (port === undefined ? known?.ports : [[port, port] as const]);
    const defaultPort = port ?? (ports === undefined ? known?.defaultPort : ports[0]?.[0]);
    if (name === undefined || spans === undefined || defaultPort === undefined) {
      problems.push(`policy.endpoints[${i}]: expected name, and ports or default_port`);
      continue;
    }
    if (!spans.some(([from, to]) => from <= defaultPort && defaultPort <= to)) {
      problems.push(`policy.endpoints[${i}].default_port: expected one of ports, got ${defaultPort}`);
    }
    if ((entry.interval ?? 1_000) % 1_000 !== 0) {
      problems.push(`policy.endpoints[${i}].interval: expected whole seconds`);
    }
    kinds.set(name, {
      name,
      scheme: entry.scheme === "https" ? "https" : (known?.scheme ?? "http"),
      path: entry.path ?? known?.path ?? "/metrics",
      defaultPort,
      ports: spans,
      intervalMs: entry.interval ?? known?.intervalMs ?? 30_000,
    });
  }
  return [...kinds.values()];
}
