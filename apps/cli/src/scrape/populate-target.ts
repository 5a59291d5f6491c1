import { createHash } from "node:crypto";
import type { Relabel } from "@promferry/core/relabel";
import { compareCodePoints, type Label } from "@promferry/core/series";
import { MAX_INTERVAL_MS } from "../config/check-scrape.ts";
import { formatDuration, parseDuration } from "../config/duration.ts";
import type { ScrapeConfig } from "../config/scrape-schema.ts";

/** A page that is scraped again and again. */
export interface Target {
  /** Of job, labels and URL: equal in every run, and for as long as none of them changes. */
  readonly id: string;
  /** `job_name` of the entry of `scrape_configs` that it comes from. */
  readonly jobName: string;
  readonly url: string;
  /** What its series get, `job` and `instance` among them; sorted by name. */
  readonly labels: readonly Label[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** What a discovered target comes to. */
export type Populated =
  | { readonly target: Target }
  /** `relabel_configs` take it away. */
  | { readonly dropped: true }
  | { readonly problem: string };

/**
 * Makes a target of discovered labels: adds the job's own settings where they are absent, applies
 * `relabel_configs`, and reads address, scheme, path, parameters, interval and timeout from what comes out.
 * `instance` is the address where no rule sets it. Labels that begin with `__` stay behind.
 *
 * @param discovered With `__address__`.
 * @param relabel The compiled `relabel_configs`.
 * @see https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
 */
export function populateTarget(
  discovered: ReadonlyMap<string, string>,
  config: ScrapeConfig,
  relabel: Relabel,
): Populated {
  const before = new Map(discovered);
  for (const [name, value] of jobLabels(config)) if (!before.get(name)) before.set(name, value);
  for (const [name, [value]] of Object.entries(config.params)) {
    if (value !== undefined) before.set(`__param_${name}`, value);
  }
  const labels = relabel(Array.from(before, ([name, value]) => ({ name, value })));
  if (!labels) return { dropped: true };
  const get = (name: string) => labels.find((label) => label.name === name)?.value ?? "";

  const address = get("__address__");
  const given = shorten(address);
  if (address === "") return { problem: "it has no __address__" };
  const scheme = get("__scheme__");
  if (scheme !== "http" && scheme !== "https") {
    return { problem: `${given}: expected http or https as __scheme__, got ${shorten(scheme)}` };
  }
  // Anything else would move the request to another place of the URL.
  if (/[/@?#\\\s]/.test(address) || !URL.canParse(`${scheme}://${address}`)) {
    return { problem: `expected host:port as __address__, got ${given}` };
  }
  const intervalMs = parseDuration(get("__scrape_interval__"));
  const timeoutMs = parseDuration(get("__scrape_timeout__"));
  if (!intervalMs || !timeoutMs || timeoutMs > intervalMs || intervalMs > MAX_INTERVAL_MS) {
    const got = `${shorten(get("__scrape_interval__"))} and ${shorten(get("__scrape_timeout__"))}`;
    return { problem: `${given}: expected an interval up to 1d and a timeout within it, got ${got}` };
  }
  const own = labels.filter(({ name }) => !name.startsWith("__"));
  if (get("instance") === "") {
    own.push({ name: "instance", value: address });
    own.sort((a, b) => compareCodePoints(a.name, b.name));
  }
  const url = targetUrl(`${scheme}://${address}`, get("__metrics_path__"), config.params, labels);
  const { job_name: jobName } = config;
  const id = createHash("sha256")
    .update(JSON.stringify([jobName, url, own.map(({ name, value }) => [name, value])]))
    .digest("hex")
    .slice(0, 16);
  return { target: { id, jobName, url, labels: own, intervalMs, timeoutMs } };
}

function* jobLabels(config: ScrapeConfig): Iterable<[name: string, value: string]> {
  const { scrape_interval: intervalMs, scrape_timeout: timeoutMs = Math.min(10_000, intervalMs) } = config;
  yield ["job", config.job_name];
  yield ["__scrape_interval__", formatDuration(intervalMs)];
  yield ["__scrape_timeout__", formatDuration(timeoutMs)];
  yield ["__metrics_path__", config.metrics_path];
  yield ["__scheme__", config.scheme];
}

function targetUrl(
  origin: string,
  path: string,
  params: ScrapeConfig["params"],
  labels: readonly Label[],
): string {
  const query = new Map(Object.entries(params).map(([name, values]) => [name, [...values]]));
  for (const { name, value } of labels) {
    if (!name.startsWith("__param_")) continue;
    const key = name.slice("__param_".length);
    query.set(key, [value, ...(query.get(key)?.slice(1) ?? [])]);
  }
  const url = new URL(origin);
  url.pathname = path;
  for (const key of [...query.keys()].sort()) {
    for (const value of query.get(key)!) url.searchParams.append(key, value);
  }
  return url.href;
}

function shorten(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
