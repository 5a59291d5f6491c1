import { MAX_LABEL_VALUES } from "@promferry/privacy";
import { z } from "zod";
import {
  auth,
  byteSize,
  clamp,
  coarseCount,
  command,
  duration,
  flag,
  labels,
  relabelRule,
  scan,
  text,
  timeStep,
  tls,
} from "./schema-parts.ts";
import { scrapeConfigSchema } from "./scrape-schema.ts";

/** The spellings of `type`; the aliases name servers that all speak remote write. */
const DESTINATION_TYPES = [
  "remote-write",
  "grafana-cloud",
  "prometheus",
  "mimir",
  "cortex",
  "victoriametrics",
  "pushgateway",
  "http",
] as const;

/** One entry of `metrics.destinations`. */
export const destinationSchema = z.strictObject({
  name: text
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
      error: "expected a name of letters, digits, dot, dash and underscore",
    })
    .describe("Given to --to; must not begin like a date."),
  type: z.enum(DESTINATION_TYPES, { error: `expected one of ${DESTINATION_TYPES.join(", ")}` }),
  url: text.describe("http:// or https://, without user and password."),
  auth: auth.optional(),
  insecure: flag.default(false).describe("Allows credentials over plain http to another machine."),
  tls: tls.optional(),
  headers: z.record(text, text).default({}),
  timeout: duration.prefault("30s").describe("Of one request."),
  tenant: text.optional().describe("Sent as X-Scope-OrgID."),
  tenant_in_path: flag.default(false).describe("Puts /tenant/<tenant> before the URL's path instead."),
  protocol: z
    .union([z.literal(1), z.literal(2), z.literal("auto")], { error: "expected 1, 2 or auto" })
    .default(1)
    .describe("Version of remote write."),
  samples_per_second: z.number({ error: "expected a number" }).positive().optional(),
  on_too_old: z.enum(["skip", "collapse"], { error: "expected skip or collapse" }).default("skip"),
  max_age: duration.optional().describe("Samples older than this are skipped and reported."),
  external_labels: labels.default({}),
  write_relabel_configs: z.array(relabelRule, { error: "expected a list of rules" }).default([]),
  scan_pages: flag
    .default(false)
    .describe(
      "Looks through scraped pages as well, exemplars too, as metrics.scan says; not job and instance.",
    ),
  format: z
    .enum(["prometheus-text", "json"], { error: "expected prometheus-text or json" })
    .default("prometheus-text"),
  gzip: flag.default(false),
  job_name: text.optional().describe("Default: the app's name."),
  grouping_keys: labels.optional().describe("Default: user."),
});

const IDENTITIES = ["none", "rotating", "installation", "hostname-sha256"] as const;
const SESSION_LABELS = ["version", "os", "arch", "run_id", "git_sha"] as const;

const metrics = z.strictObject({
  enabled: flag.optional().describe("Whether the program may collect. Absent: only by flag or command."),
  dir: text.optional().describe("Where the day files are. Default ~/.promferry/metrics."),
  retention_days: z.number({ error: "expected a number of days" }).min(0).default(7).describe("0: for ever."),
  delete_after_push: flag.default(false),
  retention_overrides_upload: flag
    .default(false)
    .describe("Deletes old days even where a destination does not have them yet."),
  max_bytes: byteSize
    .prefault("256MiB")
    .describe("Of day files, quarantine and rejected samples. Above it the oldest days go, sent or not."),
  day_boundary: z.enum(["local", "utc"], { error: "expected local or utc" }).default("local"),
  write_interval: duration.prefault("5m"),
  anonymize_user: flag.default(true).describe("false means identity none, never the plain host name."),
  identity: z
    .enum(IDENTITIES, { error: `expected one of ${IDENTITIES.join(", ")}` })
    .optional()
    .describe("Default installation, or none where anonymize_user is false."),
  exclude_cluster_info: flag.default(true),
  scan: scan
    .prefault({})
    .describe("What becomes of names, values and HELP texts of a program that look like somebody's data."),
  max_label_values: z
    .int({ error: "expected a whole number" })
    .min(1, { error: "expected at least 1" })
    .default(MAX_LABEL_VALUES)
    .describe(
      "Of each label of a program's metric: further values become other. A smaller number in the catalogue holds.",
    ),
  clamp: clamp
    .default({})
    .describe("By a gauge's name min, max or both: a value of a program's gauge beyond leaves as the bound."),
  round_counts: coarseCount
    .optional()
    .describe(
      "Counters and counts leave rounded down to a multiple of it; sums and quantiles stay. Default: off.",
    ),
  minimum_count: coarseCount
    .optional()
    .describe("Counters, histograms and summaries leave once so much was counted. Default: off."),
  time_step: timeStep
    .optional()
    .describe("Samples leave only at multiples of it, each with the last state before. Default: off."),
  sample_rate: z
    .number({ error: "expected a number" })
    .gt(0, { error: "expected a number above 0 and of at most 1" })
    .max(1, { error: "expected a number above 0 and of at most 1" })
    .default(1)
    .describe(
      "How many of all weeks, drawn for this installation, are sent of a program's telemetry; of the others nothing is.",
    ),
  default_destination: text.optional().describe("What upload-metrics takes without --to. Default: all."),
  session_labels: z
    .array(z.enum(SESSION_LABELS, { error: `expected ${SESSION_LABELS.join(", ")}` }), {
      error: "expected a list",
    })
    .default(["version", "os", "arch"]),
  exclusive: flag.default(false).describe("This is the only installation that writes these series."),
  destinations: z.array(destinationSchema, { error: "expected a list" }).default([]),
});

const targets = z.strictObject({
  url: text.optional().describe("The target service. Default http://127.0.0.1:9180."),
  token_file: text.optional().describe("Our token for it, alone in a file."),
  token_cmd: command.optional(),
  ca_file: text.optional().describe("PEM; replaces the system's certificate authorities."),
});

const agent = z.strictObject({
  dir: text.optional().describe("Where the queue is. Default ~/.promferry/agent."),
  max_bytes: byteSize
    .prefault("1GiB")
    .refine((bytes) => bytes >= 1024 ** 2, { error: "expected at least 1MiB" })
    .describe("Of the queue. Above it the oldest segments go, sent or not."),
  listen: text.optional().describe("host:port of /metrics, /-/healthy and /-/ready. Default: none."),
  allow_remote: flag.default(false).describe("Whether listen may be an address that other machines reach."),
  grace: duration.prefault("10s").describe("How long it may take to end."),
});

/** The whole file. Keys are spelled as there; durations become milliseconds and sizes bytes. */
export const configSchema = z.strictObject({
  app: text
    .regex(/^[A-Za-z][A-Za-z0-9_-]*$/, { error: "expected a name of letters, digits, _ and -" })
    .optional()
    .describe(
      "The program whose metrics these are. Default: from the journal's folder, ~/.k1/metrics is k1.",
    ),
  metrics: metrics.prefault({}),
  targets: targets.prefault({}).describe("For `promferry targets`."),
  scrape_configs: z
    .array(scrapeConfigSchema, { error: "expected a list" })
    .default([])
    .describe("For `promferry agent`, in Prometheus' words."),
  agent: agent.prefault({}).describe("For `promferry agent`."),
});

export type ConfigFile = z.output<typeof configSchema>;
export type MetricsConfig = ConfigFile["metrics"];
export type DestinationConfig = MetricsConfig["destinations"][number];
export type AuthConfig = NonNullable<DestinationConfig["auth"]>;
export type CommandLine = NonNullable<AuthConfig["password_cmd"]>;

/** JSON Schema of the file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}
