import type { RelabelConfig } from "@promferry/core/relabel";
import { z } from "zod";
import { BYTE_SIZE_PATTERN, parseByteSize } from "./byte-size.ts";
import { command, duration, flag, relabelRule, text, tls } from "./schema-parts.ts";

/** What a file of `file_sd_configs` may be called: a glob only behind the last slash. */
const FILE_SD_PATTERN = /^[^*?]*(?:[*?][^/]*)?\.(?:json|yml|yaml)$/i;

/** Labels of targets may be the special ones, such as `__metrics_path__`. */
const targetLabels = z.record(
  text.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "expected a label name: letters, digits and _" }),
  text,
);

const MIB = 1024 * 1024;

const rules = z.array(relabelRule, { error: "expected a list of rules" }).default([]);

/** The highest that each limit can be set to; what memory a page may take follows from them. */
const LIMIT_MAXIMA = {
  sample_limit: 2_000_000,
  body_size_limit: 1024 * MIB,
  line_size_limit: 64 * MIB,
  label_limit: 10_000,
  label_name_length_limit: 64 * 1024,
  label_value_length_limit: 64 * MIB,
} as const;

const limit = (most: number) =>
  z
    .int({ error: "expected a whole number" })
    .min(0, { error: "expected 0 or more" })
    .max(most, { error: `expected at most ${most}` })
    .default(0);

/** Prometheus counts `10MB` as 10 MiB. */
const byteSize = (most: number) =>
  text
    .regex(BYTE_SIZE_PATTERN, { error: "expected a size such as 32MiB", abort: true })
    .transform((value) => parseByteSize(value.replace(/([KMG])B$/, "$1iB")) ?? 0)
    .refine((bytes) => bytes <= most, { error: `expected at most ${most / MIB}MiB` })
    .meta({ examples: ["10MB", "64MiB"] });

const credentials = {
  basic_auth: z
    .strictObject({
      username: text.optional(),
      password: text.optional().describe("Better a variable, password_file or password_cmd."),
      password_file: text.optional(),
      password_cmd: command.optional(),
    })
    .optional(),
  authorization: z
    .strictObject({
      type: z.literal("Bearer", { error: "expected Bearer" }).optional(),
      credentials: text.optional().describe("Better a variable, credentials_file or credentials_cmd."),
      credentials_file: text.optional(),
      credentials_cmd: command.optional(),
    })
    .optional(),
  bearer_token_file: text.optional().describe("The older spelling of authorization.credentials_file."),
  tls_config: tls.optional(),
};

const staticConfig = z.strictObject({
  targets: z.array(text, { error: "expected a list of host:port" }),
  labels: targetLabels.default({}),
});

const fileSd = z.strictObject({
  files: z.array(
    text.regex(FILE_SD_PATTERN, {
      error: "expected a path that ends in .json, .yml or .yaml, with * only behind the last slash",
    }),
    { error: "expected a list of paths" },
  ),
  refresh_interval: duration
    .prefault("5m")
    .describe("When files are read again in any case. A file that has changed is read within 5 s."),
});

const httpSd = z.strictObject({
  url: text.describe("http:// or https://, without user and password."),
  refresh_interval: duration.prefault("1m"),
  ...credentials,
});

/** One entry of `scrape_configs`, with Prometheus' names and defaults. */
export const scrapeConfigSchema = z.strictObject({
  job_name: text.min(1, { error: "expected a name" }),
  scrape_interval: duration.prefault("1m"),
  scrape_timeout: duration.optional().describe("Default 10s, or scrape_interval where that is shorter."),
  metrics_path: text.default("/metrics"),
  scheme: z.enum(["http", "https"], { error: "expected http or https" }).default("http"),
  params: z.record(text, z.array(text, { error: "expected a list of values" })).default({}),
  honor_labels: flag.default(false).describe("Whether labels of the page win over those of the target."),
  honor_timestamps: flag.default(true),
  ...credentials,
  static_configs: z.array(staticConfig, { error: "expected a list" }).default([]),
  file_sd_configs: z.array(fileSd, { error: "expected a list" }).default([]),
  http_sd_configs: z.array(httpSd, { error: "expected a list" }).default([]),
  relabel_configs: rules,
  metric_relabel_configs: rules,
  sample_limit: limit(LIMIT_MAXIMA.sample_limit).describe(
    "Samples of a scrape after metric_relabel_configs; more fail it. 0: none, and a page has at most 1,000,000 series; more raise that.",
  ),
  body_size_limit: byteSize(LIMIT_MAXIMA.body_size_limit)
    .prefault("32MiB")
    .describe("Of a page, compressed and uncompressed."),
  line_size_limit: byteSize(LIMIT_MAXIMA.line_size_limit)
    .prefault("1MiB")
    .describe("Of a line of a page, or of a text in protobuf. Prometheus has none."),
  label_limit: limit(LIMIT_MAXIMA.label_limit).describe(
    "Labels of a series, the target's and its name among them. 0: none, and a line has at most 256; more raise that.",
  ),
  label_name_length_limit: limit(LIMIT_MAXIMA.label_name_length_limit).describe(
    "Bytes. 0: none, and a name on a page has at most 4096; more raise that.",
  ),
  label_value_length_limit: limit(LIMIT_MAXIMA.label_value_length_limit).describe(
    "Bytes. 0: none but line_size_limit.",
  ),
});

export type ScrapeConfig = z.output<typeof scrapeConfigSchema>;
export type HttpSdConfig = ScrapeConfig["http_sd_configs"][number];
/** The part of a job, or of one of its lists, that says how its server is reached. */
export type ClientConfig = Pick<
  ScrapeConfig,
  "basic_auth" | "authorization" | "bearer_token_file" | "tls_config"
>;

/** Rules of a job as relabelling takes them. */
export function scrapeRules(rules: ScrapeConfig["relabel_configs"]): readonly RelabelConfig[] {
  // Their types differ in nothing but `undefined`, which a parsed file never holds.
  return rules as readonly RelabelConfig[];
}
