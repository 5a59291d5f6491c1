import { scrapeConfigSchema } from "../config/scrape-schema.ts";
import { createScrapeFetch } from "./scrape-fetch.ts";
import type { ScrapeJob } from "./scrape-job.ts";
import type { ScrapeTarget } from "./target.ts";

/**
 * The job that scrapes one page which a user named on the command line, with Prometheus' defaults. Its
 * `job_name` is the URL. A timeout beyond the interval counts as the interval.
 */
export function jobOfUrl(page: ScrapeTarget, times: { intervalMs: number; timeoutMs: number }): ScrapeJob {
  const { host, protocol, pathname, searchParams } = new URL(page.url);
  const timeoutMs = Math.min(times.timeoutMs, times.intervalMs);
  const params: Record<string, string[]> = {};
  for (const key of new Set(searchParams.keys())) params[key] = searchParams.getAll(key);
  const config = scrapeConfigSchema.parse({
    job_name: page.url,
    scheme: protocol.slice(0, -1),
    metrics_path: pathname,
    params,
    static_configs: [{ targets: [host], labels: { job: page.job, instance: page.instance } }],
  });
  return {
    config: { ...config, scrape_interval: times.intervalMs, scrape_timeout: timeoutMs },
    client: { fetch: createScrapeFetch() },
    httpSd: [],
  };
}
