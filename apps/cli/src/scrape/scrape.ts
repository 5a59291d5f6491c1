import { type MetricFamily, type Series, seriesKey } from "@promferry/core/series";
import { createExpositionParser, ExpositionError } from "@promferry/core/text-format";
import { type FetchPageOptions, fetchPage } from "./fetch-page.ts";
import type { ScrapeTarget } from "./target.ts";
import { targetLabels, withTargetLabels } from "./target-labels.ts";

/** What one scrape brought. */
export interface Scrape {
  /** The page's families and Prometheus' own series about the scrape; only the latter where it failed. */
  readonly families: readonly MetricFamily[];
  /** Samples of the page. */
  readonly sampleCount: number;
  readonly startedMs: number;
  readonly durationMs: number;
  /** Why there is no page. */
  readonly error: string | undefined;
}

/** Scrapes one page again and again. */
export interface Scraper {
  readonly target: ScrapeTarget;
  /** @throws The reason of `signal`; everything else is in {@link Scrape.error}. */
  scrape(signal?: AbortSignal): Promise<Scrape>;
}

export interface ScraperOptions extends Pick<FetchPageOptions, "timeoutMs" | "maxBytes"> {
  readonly now: () => number;
}

export function createScraper(target: ScrapeTarget, options: ScraperOptions): Scraper {
  let previous = new Set<string>();
  let textOnly = false;
  const parsers = {
    scrape: createExpositionParser({ format: "scrape" }),
    openmetrics: createExpositionParser({ format: "openmetrics" }),
  };

  async function readPage(signal: AbortSignal | undefined): Promise<readonly MetricFamily[]> {
    const { bytes, format } = await fetchPage(target.url, { ...options, signal, textOnly });
    try {
      return parsers[format].parse(bytes);
    } catch (error) {
      if (!(error instanceof ExpositionError) || format !== "openmetrics") throw error;
      // Some programs speak OpenMetrics with an accent; their text format is most often right.
      textOnly = true;
      return readPage(signal);
    }
  }

  return {
    target,
    async scrape(signal) {
      const startedMs = options.now();
      const clock = performance.now();
      let families: readonly MetricFamily[] = [];
      let error: string | undefined;
      try {
        families = withTargetLabels(await readPage(signal), target);
      } catch (reason) {
        signal?.throwIfAborted();
        error = (reason as Error).message.slice(0, 300);
      }
      const durationMs = performance.now() - clock;
      const keys = new Set<string>();
      let sampleCount = 0;
      for (const { series } of families) {
        sampleCount += series.length;
        for (const each of series) keys.add(seriesKey(each.name, each.labels));
      }
      const added = [...keys].filter((key) => !previous.has(key)).length;
      previous = keys;
      const report: Readonly<Record<string, number>> = {
        up: error === undefined ? 1 : 0,
        scrape_duration_seconds: durationMs / 1000,
        scrape_samples_scraped: sampleCount,
        scrape_samples_post_metric_relabeling: sampleCount,
        scrape_series_added: added,
      };
      return { families: withReport(families, report, target), sampleCount, startedMs, durationMs, error };
    },
  };
}

/** Adds the scrape's own series; where the page has the very same one, ours counts. */
function withReport(
  families: readonly MetricFamily[],
  report: Readonly<Record<string, number>>,
  target: ScrapeTarget,
): readonly MetricFamily[] {
  const labels = targetLabels(target);
  const key = (series: Series) => seriesKey(series.name, series.labels);
  const others = families.filter(({ name }) => !(name in report));
  const own = Object.entries(report).map(([name, value]): MetricFamily => {
    const series: Series = { name, labels };
    const page = families.find((family) => family.name === name);
    const rows = page?.series.flatMap((each, i) => (key(each) === key(series) ? [] : [i])) ?? [];
    return {
      name,
      type: page?.type ?? "gauge",
      help: page?.help ?? "",
      unit: "",
      series: [...rows.map((i) => page!.series[i]!), series],
      values: [...rows.map((i) => page!.values[i]!), value],
      timestampsMs: [...rows.map((i) => page!.timestampsMs[i]!), Number.NaN],
    };
  });
  return [...others, ...own];
}
