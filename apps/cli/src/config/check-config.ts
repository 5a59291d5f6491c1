import { checkHeaders, parseEndpoint } from "@promferry/core/delivery";
import { type RelabelConfig, relabelProblems } from "@promferry/core/relabel";
import { appNameOf } from "./app-name.ts";
import { authType, checkAuth } from "./check-auth.ts";
import { checkScrapeConfigs } from "./check-scrape.ts";
import { EXPOSED_CREDENTIALS, wouldExposeCredentials } from "./check-url.ts";
import { checkVariables } from "./check-variables.ts";
import { destinationKind, kindsOfKey } from "./destination-kind.ts";
import { formatDuration } from "./duration.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";
import { nearest } from "./nearest.ts";
import type { ConfigPath } from "./positions.ts";
import type { ConfigFile, DestinationConfig, MetricsConfig } from "./schema.ts";

/** The journal's folder where nothing says otherwise. */
export const DEFAULT_DIR = "~/.promferry/metrics";

/** What the schema can't say: how fields depend on each other. */
export function checkConfig(config: ConfigFile, raw: unknown): Finding[] {
  const { metrics } = config;
  const app = config.app ?? appNameOf(metrics.dir ?? DEFAULT_DIR);
  const rawDestinations =
    (raw as { metrics?: { destinations?: readonly unknown[] } }).metrics?.destinations ?? [];
  return [
    ...checkMetrics(metrics),
    ...checkScrapeConfigs(config.scrape_configs),
    ...metrics.destinations.flatMap((destination, i) =>
      checkDestination(destination, rawDestinations[i], ["metrics", "destinations", i], app),
    ),
    ...metrics.destinations.flatMap(({ max_age: maxAge }, i) => {
      const { time_step: step } = metrics;
      if (step === undefined || maxAge === undefined || maxAge >= 2 * step) return [];
      const message = `expected at least ${formatDuration(2 * step)}, twice metrics.time_step: samples wait for the end of their step`;
      return [errorAt(["metrics", "destinations", i, "max_age"], message)];
    }),
    ...metrics.destinations.flatMap((destination, i) => {
      const first = metrics.destinations.findIndex((other) => other.name === destination.name);
      if (first === i) return [];
      return [
        errorAt(["metrics", "destinations", i, "name"], `a second destination named ${destination.name}`),
      ];
    }),
  ];
}

function checkMetrics(metrics: MetricsConfig): Finding[] {
  const findings: Finding[] = [];
  const { default_destination: chosen, identity } = metrics;
  const names = metrics.destinations.map(({ name }) => name);
  if (chosen !== undefined && !names.includes(chosen)) {
    const guess = nearest(chosen, names);
    const hint = guess ? `did you mean ${guess}?` : `known: ${names.join(", ") || "none"}`;
    findings.push(errorAt(["metrics", "default_destination"], `no destination is named ${chosen}; ${hint}`));
  }
  if (!metrics.anonymize_user && identity !== undefined && identity !== "none") {
    const message = `contradicts anonymize_user: false, which means none; leave one of the two out`;
    findings.push(errorAt(["metrics", "identity"], message));
  }
  if (metrics.retention_overrides_upload && metrics.retention_days === 0) {
    const message = "has no effect with retention_days: 0, which keeps days for ever";
    findings.push(warningAt(["metrics", "retention_overrides_upload"], message));
  }
  if (identity === "hostname-sha256") {
    const message = "a hash of the host name can be guessed by trying names; installation can't";
    findings.push(warningAt(["metrics", "identity"], message));
  }
  if (metrics.write_interval < 1000) {
    findings.push(errorAt(["metrics", "write_interval"], "expected at least 1s"));
  }
  return findings;
}

/** @param raw The entry as it stands in the file, which shows what was left to its default. */
export function checkDestination(
  destination: DestinationConfig,
  raw: unknown,
  path: ConfigPath,
  app = "promferry",
): Finding[] {
  const findings: Finding[] = [];
  const keyError = (key: string, message: string) =>
    findings.push({ severity: "error", at: "key", path: [...path, key], message });
  const { name, type, url, auth, tls } = destination;

  if (/^\d{4}-\d{2}/.test(name)) {
    findings.push(errorAt([...path, "name"], `begins like a date, which --to would take for an end date`));
  }
  for (const key of Object.keys(raw ?? {})) {
    const kinds = kindsOfKey(key);
    if (kinds && !kinds.includes(destinationKind(type)))
      keyError(key, `${key} is only for ${kinds.join(" and ")}`);
  }
  const urlProblem = url.includes("${") ? undefined : messageOf(() => parseEndpoint(url));
  if (urlProblem) findings.push(errorAt([...path, "url"], urlProblem));
  if (destination.timeout < 1) {
    findings.push(errorAt([...path, "timeout"], "expected at least 1ms: no answer comes within no time"));
  }
  if (auth) findings.push(...checkAuth(auth, [...path, "auth"]));
  if (authType(auth) !== "none" && !destination.insecure && wouldExposeCredentials(url)) {
    findings.push(errorAt([...path, "url"], EXPOSED_CREDENTIALS));
  }
  for (const [header, value] of Object.entries(destination.headers)) {
    const problem = headerProblem(header, value, type);
    if (problem) {
      findings.push({ severity: "error", at: "key", path: [...path, "headers", header], message: problem });
    }
  }
  if ((tls?.cert_file === undefined) !== (tls?.key_file === undefined)) {
    findings.push(errorAt([...path, "tls"], "cert_file and key_file go together"));
  }
  if (destination.tenant_in_path && destination.tenant === undefined)
    keyError("tenant_in_path", "needs a tenant");
  if (destination.on_too_old === "collapse" && destination.max_age === undefined) {
    const message = "has no effect without max_age, which says how old is too old";
    findings.push(warningAt([...path, "on_too_old"], message));
  }
  if (destination.grouping_keys?.["job"] !== undefined) {
    findings.push(errorAt([...path, "grouping_keys", "job"], "the job is set by job_name"));
  }
  for (const { index, field, message } of relabelProblems(relabelConfigs(destination))) {
    findings.push(errorAt([...path, "write_relabel_configs", index, field], message));
  }
  findings.push(...checkVariables(destination, path, app));
  return findings;
}

/** The rules as relabelling takes them. */
export function relabelConfigs({
  write_relabel_configs: rules,
}: DestinationConfig): readonly RelabelConfig[] {
  // Their types differ in nothing but `undefined`, which a parsed file never holds.
  return rules as readonly RelabelConfig[];
}

function headerProblem(header: string, value: string, type: DestinationConfig["type"]): string | undefined {
  if (destinationKind(type) === "remote-write" && header.toLowerCase() === "x-scope-orgid")
    return `${header} is not set here; use the setting tenant`;
  return messageOf(() => checkHeaders({ [header]: value }));
}

/** What `check` throws, in words. */
function messageOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
