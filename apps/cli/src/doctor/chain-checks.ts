import type { MetricFamily } from "@promferry/core/series";
import { count } from "../count.ts";
import { EXIT } from "../exit-codes.ts";
import { createPageReader } from "../scrape/read-page.ts";
import { createScrapeFetch } from "../scrape/scrape-fetch.ts";
import { type Check, checker } from "./check.ts";

export interface ChainOptions {
  /** The metrics page. */
  readonly pageUrl: string;
  /** Prometheus' address, without `/api/v1`. */
  readonly prometheusUrl: string;
  readonly fetch?: typeof fetch;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** Of one page; what is more is no page to scrape. */
const MAX_SERIES = 1_000_000;

/** A metric with more series than this is worth a look. */
const MANY_SERIES = 1_000;

/**
 * Walks the way of a metric from its page to a question's answer, and ends where it is broken: the page, Prometheus' target, `up`, a query, and what
 * has most series. Only reads.
 */
export async function chainChecks(options: ChainOptions): Promise<Check[]> {
  const { pageUrl, prometheusUrl, signal } = options;
  const found: Check[] = [];
  const page = checker("endpoint");
  let families: readonly MetricFamily[];
  try {
    const reader = createPageReader({ limits: { maxSeries: MAX_SERIES }, keepEmptyLabels: false });
    const client = { fetch: createScrapeFetch() };
    ({ families } = await reader.read(pageUrl, { timeoutMs: 10_000, signal, client }));
  } catch (error) {
    signal.throwIfAborted();
    const advice =
      "open the address with curl from this machine: the program must run, listen there and answer with a metrics page; `promferry check-metrics` says what is wrong in one";
    return [page.failed("page", `${pageUrl}: ${(error as Error).message}`, advice, EXIT.unavailable)];
  }
  const samples = families.reduce((sum, { series }) => sum + series.length, 0);
  if (samples === 0) {
    return [
      page.failed(
        "page",
        `${pageUrl} has no sample`,
        "register metrics with the registry that the page prints",
        EXIT.unavailable,
      ),
    ];
  }
  found.push(page.ok("page", `${count(families.length, "metric")}, ${samples} series`));

  const ask = createQuery(prometheusUrl, options);
  const scrape = checker("scrape");
  let target: Target | undefined;
  try {
    target = await findTarget(ask, pageUrl);
  } catch (error) {
    signal.throwIfAborted();
    const advice = "check --prometheus: it is the server's own address, such as http://localhost:9090";
    return [
      ...found,
      scrape.failed("Prometheus", `${prometheusUrl}: ${(error as Error).message}`, advice, EXIT.unavailable),
    ];
  }
  if (!target) {
    const advice =
      "add the address to a job of scrape_configs (targets are host:port, metrics_path the rest), or to what it discovers, and reload Prometheus";
    return [...found, scrape.failed("target", `Prometheus has no target ${pageUrl}`, advice, EXIT.config)];
  }
  const labels = target.labels;
  const named = `job ${JSON.stringify(labels["job"])}, instance ${JSON.stringify(labels["instance"])}`;
  found.push(scrape.ok("target", named));
  if (target.health === "unknown") {
    return [
      ...found,
      scrape.unknown(
        "last scrape",
        "Prometheus has not scraped it yet",
        "wait for one scrape_interval and ask again",
      ),
    ];
  }
  if (target.health !== "up") {
    const advice =
      "the page can be read from here, so look at what stands between it and Prometheus: addresses, firewall, TLS, credentials, limits of the job";
    return [...found, scrape.failed("last scrape", target.lastError || "failed", advice, EXIT.unavailable)];
  }
  found.push(
    scrape.ok("last scrape", `${target.lastScrape}, took ${Math.round(target.lastScrapeDuration * 1000)} ms`),
  );

  const query = checker("query");
  const selector = `job=${JSON.stringify(labels["job"])},instance=${JSON.stringify(labels["instance"])}`;
  const up = await ask.number(`up{${selector}}`);
  if (up !== 1) {
    const advice = "rules or relabelling of the job may have renamed it: try `up` alone";
    return [
      ...found,
      query.failed("up", up === undefined ? "no sample" : `it is ${up}`, advice, EXIT.findings),
    ];
  }
  found.push(query.ok("up", "1"));
  const name = families.find(({ series }) => series.length > 0)?.series[0]?.name ?? "";
  const asked = `count({__name__=${JSON.stringify(name)},${selector}})`;
  const seen = await ask.number(asked);
  if (!seen) {
    const advice =
      "metric_relabel_configs of the job may drop it; `scrape_samples_post_metric_relabeling` says how many samples are kept";
    return [...found, query.failed("a metric of the page", `${asked} finds nothing`, advice, EXIT.findings)];
  }
  found.push(query.ok("a metric of the page", `${name} has ${seen} series`));
  return [...found, ...cardinalityChecks(families), await headCheck(ask)];
}

function cardinalityChecks(families: readonly MetricFamily[]): Check[] {
  const { ok, warning } = checker("cardinality");
  const most = [...families].sort((a, b) => b.series.length - a.series.length).slice(0, 3);
  const detail = most.map(({ name, series }) => `${name} ${series.length}`).join(", ");
  const many = most.filter(({ series }) => series.length > MANY_SERIES);
  if (many.length === 0) return [ok("page", `most series: ${detail}`)];
  const advice =
    "a label with many values (ids, paths, addresses) makes a series of each: leave it out, or drop it in metric_relabel_configs";
  return [warning("page", `most series: ${detail}`, advice)];
}

async function headCheck(ask: Query): Promise<Check> {
  const { ok, unknown } = checker("cardinality");
  try {
    const { headStats, seriesCountByMetricName } = (await ask.get(
      "/api/v1/status/tsdb?limit=3",
    )) as HeadStatus;
    const most = seriesCountByMetricName.map(({ name, value }) => `${name} ${value}`).join(", ");
    return ok("Prometheus", `${headStats.numSeries} series in memory; most: ${most}`);
  } catch {
    return unknown("Prometheus", "it does not say which metrics have most series");
  }
}

interface HeadStatus {
  readonly headStats: { readonly numSeries: number };
  readonly seriesCountByMetricName: readonly { readonly name: string; readonly value: number }[];
}

interface Target {
  readonly scrapeUrl: string;
  readonly globalUrl: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly health: "up" | "down" | "unknown";
  readonly lastError: string;
  readonly lastScrape: string;
  readonly lastScrapeDuration: number;
}

async function findTarget(ask: Query, pageUrl: string): Promise<Target | undefined> {
  const { activeTargets } = (await ask.get("/api/v1/targets?state=active")) as {
    activeTargets: readonly Target[];
  };
  const wanted = sameAddress(pageUrl);
  return activeTargets.find(({ scrapeUrl, globalUrl }) =>
    [scrapeUrl, globalUrl].map(sameAddress).includes(wanted),
  );
}

/** `localhost` and 127.0.0.1 are one address to the user who asks. */
function sameAddress(address: string): string {
  const url = new URL(address);
  if (url.hostname === "localhost" || url.hostname === "[::1]") url.hostname = "127.0.0.1";
  return url.href;
}

interface Query {
  /** `data` of an answer. */
  get(path: string): Promise<unknown>;
  /** The one value of an instant query; `undefined` where it has no result. */
  number(expression: string): Promise<number | undefined>;
}

function createQuery(address: string, { fetch: send = fetch, signal }: ChainOptions): Query {
  const base = address.replace(/\/+$/, "");
  const get = async (path: string): Promise<unknown> => {
    const answer = await send(`${base}${path}`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return ((await answer.json()) as { data: unknown }).data;
  };
  return {
    get,
    async number(expression) {
      const { result } = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as {
        result: readonly { value: readonly [number, string] }[];
      };
      return result[0] === undefined ? undefined : Number(result[0].value[1]);
    },
  };
}
