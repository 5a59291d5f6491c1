import { stringify } from "yaml";
import { LABEL_NAME } from "../model/labels.ts";
import { type EndpointKind, LIMITS } from "../model/policy.ts";
import { IDENTITY_METRIC, META, TARGET_LABELS } from "./discovery-labels.ts";
import { SERVICE_METRIC_PREFIX } from "./service-metrics.ts";

/** Where Prometheus gets its list. */
export type Discovery =
  | {
      readonly type: "http";
      /** Address of the list, with its query. */
      readonly url: string;
      /** File with the reader's bearer token, as Prometheus sees it. Default: none is sent. */
      readonly tokenFile?: string;
      /** CA of the service, as Prometheus sees it. Default: the system's. */
      readonly caFile?: string;
      /** Default 30,000; also the time limit of a request. Whole seconds. */
      readonly refreshMs?: number;
    }
  | {
      readonly type: "file";
      /** Files or globs that end in `.json`. */
      readonly files: readonly string[];
    };

export interface ScrapeJobOptions {
  readonly kind: EndpointKind;
  readonly discovery: Discovery;
  /** Default `ferry-<kind>`. */
  readonly jobName?: string;
  /** Default: the kind's. */
  readonly intervalMs?: number;
  /** CA of the exporters, for a kind with scheme https. Default: the system's. */
  readonly targetCaFile?: string;
  /** Samples of one scrape. Default 10,000. */
  readonly sampleLimit?: number;
  /** First part of the names that rules record; no target may bring such a metric. Default `click_deploy`. */
  readonly prefix?: string;
}

/** The `job` label of an endpoint's targets. */
export function jobNameOf(endpoint: string): string {
  return `ferry-${endpoint}`;
}

/**
 * A Prometheus configuration file with these jobs under `scrape_configs`, also fit for `scrape_config_files`.
 *
 * A job trusts neither its list nor its targets:
 * - of a discovered target only the address and `__meta_ferry_…` survive; the address must be a literal IP and a port, the ids
 *   must be there; scheme, path, interval, timeout, `job` and `instance` are the job's own; labels are named
 *   `[a-z][a-z0-9_]*` and can't replace those;
 * - redirects are not followed, no credential is sent to a target, answers are bounded in size, samples and labels, and
 *   timestamps and labels of the target don't override ours;
 * - a target can't bring `up`, `scrape_…`, `ALERTS`, or what the rules record.
 *
 * There is no `target_limit`: one project over it would fail every target of the job.
 */
export function renderScrapeConfig(jobs: readonly ScrapeJobOptions[]): string {
  return stringify({ scrape_configs: jobs.map(scrapeJob) }, { lineWidth: 0, aliasDuplicateObjects: false });
}

function scrapeJob(options: ScrapeJobOptions): object {
  const { kind, discovery, targetCaFile, sampleLimit = 10_000, prefix = "click_deploy" } = options;
  const { jobName = jobNameOf(kind.name), intervalMs = kind.intervalMs } = options;
  const interval = seconds(intervalMs, "intervalMs");
  // Must not exceed the interval, or Prometheus refuses the whole configuration.
  const timeout = seconds(Math.min(10_000, intervalMs), "intervalMs");
  return {
    job_name: jobName,
    scrape_interval: interval,
    scrape_timeout: timeout,
    scheme: kind.scheme,
    metrics_path: kind.path,
    honor_labels: false,
    honor_timestamps: false,
    follow_redirects: false,
    ...(targetCaFile === undefined ? {} : { tls_config: { ca_file: targetCaFile } }),
    body_size_limit: "16MB",
    sample_limit: sampleLimit,
    label_limit: 64,
    label_name_length_limit: 128,
    label_value_length_limit: 1024,
    ...discoveryConfig(discovery),
    relabel_configs: [
      {
        action: "labelkeep",
        regex: `__address__|${META.label}.+|${[META.instance, META.project, META.service].join("|")}`,
      },
      { action: "keep", source_labels: ["__address__"], regex: ADDRESS },
      {
        action: "keep",
        source_labels: [META.instance, META.project, META.service],
        regex: [ID, ID, ID].join(";"),
      },
      { action: "labelmap", regex: `${META.label}(${LABEL_NAME})`, replacement: "$1" },
      ...(["instance", "project", "service"] as const).map((name) => ({
        source_labels: [META[name]],
        target_label: TARGET_LABELS[name],
      })),
      { source_labels: ["__address__"], target_label: "instance" },
      ...Object.entries({
        job: jobName,
        __scheme__: kind.scheme,
        __metrics_path__: kind.path,
        __scrape_interval__: interval,
        __scrape_timeout__: timeout,
      }).map(([target_label, value]) => ({ target_label, replacement: value.replaceAll("$", "$$$$") })),
    ],
    metric_relabel_configs: [
      {
        action: "drop",
        source_labels: ["__name__"],
        regex: `up|scrape_.+|ALERTS.*|${prefix}[_:].+|${SERVICE_METRIC_PREFIX}.+`,
      },
      // Only the exporter of the machine itself may say which machine it is.
      ...(kind.name === "node"
        ? []
        : [{ action: "drop", source_labels: ["__name__"], regex: IDENTITY_METRIC }]),
    ],
  };
}

const ADDRESS = "(?:\\d{1,3}(?:\\.\\d{1,3}){3}|\\[[0-9a-f:]+\\]):\\d{1,5}";
const ID = `[A-Za-z0-9][A-Za-z0-9._-]{0,${LIMITS.id - 1}}`;

function discoveryConfig(discovery: Discovery): object {
  if (discovery.type === "file") return { file_sd_configs: [{ files: [...discovery.files] }] };
  const { url, tokenFile, caFile, refreshMs = 30_000 } = discovery;
  return {
    http_sd_configs: [
      {
        url,
        refresh_interval: seconds(refreshMs, "refreshMs"),
        follow_redirects: false,
        ...(tokenFile === undefined
          ? {}
          : { authorization: { type: "Bearer", credentials_file: tokenFile } }),
        ...(caFile === undefined ? {} : { tls_config: { ca_file: caFile } }),
      },
    ],
  };
}

/** @throws {RangeError} When it is not a whole number of seconds above 0. */
function seconds(ms: number, name: string): string {
  if (!Number.isInteger(ms / 1_000) || ms <= 0) {
    throw new RangeError(`${name}: expected whole seconds in milliseconds, found ${ms}`);
  }
  return `${ms / 1_000}s`;
}
