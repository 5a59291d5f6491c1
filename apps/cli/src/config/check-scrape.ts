import { parseEndpoint } from "@promferry/core/delivery";
import { relabelProblems } from "@promferry/core/relabel";
import { EXPOSED_CREDENTIALS_WARNING, isLoopbackHost, wouldExposeCredentials } from "./check-url.ts";
import { formatDuration } from "./duration.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";
import type { ConfigPath } from "./positions.ts";
import { type ClientConfig, type ScrapeConfig, scrapeRules } from "./scrape-schema.ts";
import { findVariables } from "./variables.ts";

/** The longest interval, in milliseconds: a day. */
export const MAX_INTERVAL_MS = 86_400_000;

/** What the schema can't say of `scrape_configs`. */
export function checkScrapeConfigs(configs: readonly ScrapeConfig[]): Finding[] {
  return configs.flatMap((config, i) => {
    const path = ["scrape_configs", i];
    const findings = checkScrapeConfig(config, path);
    const first = configs.findIndex((other) => other.job_name === config.job_name);
    if (first !== i) findings.push(errorAt([...path, "job_name"], `a second job named ${config.job_name}`));
    return findings;
  });
}

/** One entry by itself. */
export function checkScrapeConfig(config: ScrapeConfig, path: ConfigPath): Finding[] {
  const { scrape_interval: intervalMs, scrape_timeout: timeoutMs } = config;
  const findings: Finding[] = [];
  if (intervalMs < 1 || intervalMs > MAX_INTERVAL_MS) {
    findings.push(errorAt([...path, "scrape_interval"], "expected 1ms to 1d"));
  }
  if (timeoutMs !== undefined && (timeoutMs < 1 || timeoutMs > intervalMs)) {
    const message = `expected at most scrape_interval, which is ${formatDuration(intervalMs)}`;
    findings.push(errorAt([...path, "scrape_timeout"], message));
  }
  for (const key of ["relabel_configs", "metric_relabel_configs"] as const) {
    for (const { index, field, message } of relabelProblems(scrapeRules(config[key]))) {
      findings.push(errorAt([...path, key, index, field], message));
    }
  }
  config.static_configs.forEach(({ targets }, i) => {
    targets.forEach((target, k) => {
      if (/^[^/@?#\\\s]+$/.test(target)) return;
      const message = "expected host:port; the path is metrics_path, the scheme is scheme";
      findings.push(errorAt([...path, "static_configs", i, "targets", k], message));
    });
  });
  const hosts = config.static_configs.flatMap(({ targets }) => targets);
  const isLocal = hosts.length > 0 && hosts.every(isLoopbackAddress);
  findings.push(...checkClient(config, path, config.scheme === "http" && !isLocal));
  config.file_sd_configs.forEach(({ refresh_interval: ms }, i) => {
    findings.push(...checkRefresh(ms, [...path, "file_sd_configs", i]));
  });
  config.http_sd_configs.forEach((list, i) => {
    const at = [...path, "http_sd_configs", i];
    findings.push(...checkRefresh(list.refresh_interval, at));
    const problem = list.url.includes("${") ? undefined : urlProblem(list.url);
    if (problem) findings.push(errorAt([...at, "url"], problem));
    findings.push(...checkClient(list, at, wouldExposeCredentials(list.url)));
  });
  return findings;
}

function checkRefresh(ms: number, path: ConfigPath): Finding[] {
  if (ms >= 1 && ms <= MAX_INTERVAL_MS) return [];
  return [errorAt([...path, "refresh_interval"], "expected 1ms to 1d")];
}

const PASSWORDS = ["password", "password_file", "password_cmd"] as const;
const CREDENTIALS = ["credentials", "credentials_file", "credentials_cmd"] as const;

/** @param isExposed Whether credentials could be read on the way. */
function checkClient(client: ClientConfig, path: ConfigPath, isExposed: boolean): Finding[] {
  const findings: Finding[] = [];
  const { basic_auth: basic, authorization: bearer, tls_config: tls } = client;
  const kinds = (["basic_auth", "authorization", "bearer_token_file"] as const).filter((key) => client[key]);
  for (const key of kinds.slice(1)) {
    const message = `${key} stands beside ${kinds[0]}; only one of them can be meant`;
    findings.push({ severity: "error", at: "key", path: [...path, key], message });
  }
  const needOne = (section: string, known: readonly string[], given: readonly string[]) => {
    if (given.length === 0) findings.push(errorAt([...path, section], `expected one of ${known.join(", ")}`));
    for (const key of given.slice(1)) {
      const message = `${key} stands beside ${given[0]}; only one of them can be meant`;
      findings.push({ severity: "error", at: "key", path: [...path, section, key], message });
    }
  };
  if (basic) {
    if (basic.username === undefined) findings.push(errorAt([...path, "basic_auth"], "username is missing"));
    const given = PASSWORDS.filter((key) => basic[key] !== undefined);
    needOne("basic_auth", PASSWORDS, given);
    findings.push(...checkPlain(basic.password, [...path, "basic_auth", "password"]));
  }
  if (bearer) {
    const given = CREDENTIALS.filter((key) => bearer[key] !== undefined);
    needOne("authorization", CREDENTIALS, given);
    findings.push(...checkPlain(bearer.credentials, [...path, "authorization", "credentials"]));
  }
  if (kinds[0] && isExposed) findings.push(warningAt([...path, kinds[0]], EXPOSED_CREDENTIALS_WARNING));
  if ((tls?.cert_file === undefined) !== (tls?.key_file === undefined)) {
    findings.push(errorAt([...path, "tls_config"], "cert_file and key_file go together"));
  }
  return [...findings, ...checkTexts(client, path)];
}

function checkPlain(secret: string | undefined, path: ConfigPath): Finding[] {
  if (secret === undefined || secret.includes("${")) return [];
  const key = String(path[path.length - 1]);
  return [warningAt(path, `a secret in plain text; better \${VARIABLE}, ${key}_file or ${key}_cmd`)];
}

/** How variables are written, in every text in which they are replaced. */
function checkTexts(client: ClientConfig, path: ConfigPath): Finding[] {
  const texts: [text: string | undefined, at: ConfigPath][] = [
    [client.bearer_token_file, ["bearer_token_file"]],
    ...(["username", "password", "password_file"] as const).map((key): [string | undefined, ConfigPath] => [
      client.basic_auth?.[key],
      ["basic_auth", key],
    ]),
    ...(["credentials", "credentials_file"] as const).map((key): [string | undefined, ConfigPath] => [
      client.authorization?.[key],
      ["authorization", key],
    ]),
    ...(["ca_file", "cert_file", "key_file"] as const).map((key): [string | undefined, ConfigPath] => [
      client.tls_config?.[key],
      ["tls_config", key],
    ]),
  ];
  return texts.flatMap(([text = "", at]) =>
    findVariables(text).malformed.map((piece) =>
      errorAt(
        [...path, ...at],
        `expected a variable such as \${NAME}, got ${piece}; write $\${ for a plain \${`,
      ),
    ),
  );
}

function urlProblem(url: string): string | undefined {
  try {
    parseEndpoint(url);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function isLoopbackAddress(address: string): boolean {
  return URL.canParse(`http://${address}`) && isLoopbackHost(new URL(`http://${address}`).hostname);
}
