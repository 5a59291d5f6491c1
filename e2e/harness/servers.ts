import { writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RunningServer, startServer } from "./server-process.ts";

export interface PrometheusOptions {
  /** `storage.tsdb.out_of_order_time_window`, for example `"30d"`. Default: none, late samples are refused. */
  readonly outOfOrderTimeWindow?: string;
  /** Entries of `scrape_configs`, in Prometheus' own words. Default: none, nothing is scraped. */
  readonly scrapeConfigs?: readonly object[];
  /** Paths of `scrape_config_files`. Default: none. */
  readonly scrapeConfigFiles?: readonly string[];
  /** Entries of `remote_write`. Default: none, nothing is sent. */
  readonly remoteWrite?: readonly object[];
  /** Paths of `rule_files`. Default: none. */
  readonly ruleFiles?: readonly string[];
  /** `storage.tsdb.retention.time`. Default `"365d"`. */
  readonly retention?: string;
  /** Takes native histograms. Default false. */
  readonly nativeHistograms?: boolean;
  /** Further flags, each as `--name=value`. */
  readonly flags?: readonly string[];
  /** Fills the storage folder before the start, for example with blocks. */
  readonly prepareData?: (dataDir: string) => Promise<void>;
}

/** Prometheus with the remote-write receiver on: `<url>/api/v1/write`. */
export function startPrometheus(options: PrometheusOptions = {}): Promise<RunningServer> {
  const { outOfOrderTimeWindow, scrapeConfigs = [], retention = "365d", flags = [] } = options;
  // JSON is YAML.
  const config = JSON.stringify({
    scrape_configs: scrapeConfigs,
    scrape_config_files: options.scrapeConfigFiles ?? [],
    rule_files: options.ruleFiles ?? [],
    remote_write: options.remoteWrite ?? [],
    ...(outOfOrderTimeWindow === undefined
      ? {}
      : { storage: { tsdb: { out_of_order_time_window: outOfOrderTimeWindow } } }),
  });
  return startServer({
    name: "prometheus",
    readyPath: "/-/ready",
    async prepare(dir) {
      await writeFile(join(dir, "prometheus.yml"), config);
      await mkdir(join(dir, "data"));
      await options.prepareData?.(join(dir, "data"));
    },
    args: ({ host, dir }) => [
      `--config.file=${join(dir, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--storage.tsdb.retention.time=${retention}`,
      `--web.listen-address=${host}`,
      "--web.enable-remote-write-receiver",
      ...(options.nativeHistograms ? ["--enable-feature=native-histograms"] : []),
      ...flags,
    ],
  });
}

export interface ServerOptions {
  /** Further flags, each as `--name=value`. */
  readonly flags?: readonly string[];
}

/** Pushgateway that keeps its groups in memory only; Debian's default is one file for all that run on a machine. */
export function startPushgateway(options: ServerOptions = {}): Promise<RunningServer> {
  return startServer({
    name: "pushgateway",
    readyPath: "/-/ready",
    args: ({ host }) => [`--web.listen-address=${host}`, "--persistence.file=", ...(options.flags ?? [])],
  });
}

/** Single-node VictoriaMetrics that keeps a hundred years and answers without caches or delay. */
export function startVictoriaMetrics(options: ServerOptions = {}): Promise<RunningServer> {
  return startServer({
    name: "victoria-metrics",
    readyPath: "/health",
    args: ({ host, dir }) => [
      `-storageDataPath=${join(dir, "data")}`,
      `-httpListenAddr=${host}`,
      "-retentionPeriod=100y",
      "-search.disableCache",
      "-search.latencyOffset=0s",
      "-memory.allowedBytes=512MB",
      ...(options.flags ?? []),
    ],
  });
}

/** Node exporter: `<url>/metrics`. */
export function startNodeExporter(options: ServerOptions = {}): Promise<RunningServer> {
  return startServer({
    name: "node-exporter",
    readyPath: "/metrics",
    args: ({ host }) => [`--web.listen-address=${host}`, ...(options.flags ?? [])],
  });
}

export interface VmagentOptions extends ServerOptions {
  /** A configuration of Prometheus. vmagent's own `scrape_config_files` have another form. */
  readonly configFile: string;
  /** Where samples go, `<url>/api/v1/write`. */
  readonly remoteWriteUrl: string;
}

/**
 * vmagent that takes a Prometheus' scrape configuration and looks at its lists every second.
 *
 * Fields that it does not know, such as `refresh_interval`, are flags of its own or limits that it has anyway.
 */
export function startVmagent({
  configFile,
  remoteWriteUrl,
  flags = [],
}: VmagentOptions): Promise<RunningServer> {
  return startServer({
    name: "vmagent",
    readyPath: "/health",
    args: ({ host, dir }) => [
      `-promscrape.config=${configFile}`,
      "-promscrape.config.strictParse=false",
      "-promscrape.httpSDCheckInterval=1s",
      "-promscrape.fileSDCheckInterval=1s",
      `-remoteWrite.url=${remoteWriteUrl}`,
      `-remoteWrite.tmpDataPath=${join(dir, "queue")}`,
      "-remoteWrite.flushInterval=200ms",
      `-httpListenAddr=${host}`,
      "-memory.allowedBytes=128MB",
      ...flags,
    ],
  });
}

/** Caddy in front of `upstream`, an address; its metrics, of those requests alone, on `host` (an address of 127/8), port `port`. */
export function startCaddy(options: {
  readonly upstream: string;
  readonly metrics: { readonly host: string; readonly port: number };
}): Promise<RunningServer> {
  const { upstream, metrics } = options;
  return startServer({
    name: "caddy",
    readyPath: "/ready",
    args({ host, dir }) {
      const site = (address: string, line: string): string =>
        [`http://${address} {`, `\tbind ${address.split(":")[0]}`, `\t${line}`, "}"].join("\n");
      const globals = [
        "{",
        "\tadmin off",
        "\tmetrics",
        `\tstorage file_system ${join(dir, "storage")}`,
        "}",
      ].join("\n");
      const sites = [
        site(host, `reverse_proxy ${upstream}`),
        site(`${metrics.host}:${metrics.port}`, "metrics /metrics"),
      ];
      writeFileSync(join(dir, "Caddyfile"), `${[globals, ...sites].join("\n")}\n`);
      return ["run", `--config=${join(dir, "Caddyfile")}`, "--adapter=caddyfile"];
    },
  });
}
