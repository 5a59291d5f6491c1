import { isDeepStrictEqual } from "node:util";
import type { EpochMs, FamilyMetadata, Series } from "@promferry/core/series";
import type { FamilyBuilder } from "./family-builder.ts";
import { MAX_PAGE_BYTES } from "./fetch-page.ts";
import { parseLimits } from "./page-limits.ts";
import type { Target } from "./populate-target.ts";
import { createPageReader, type PageReaderOptions } from "./read-page.ts";
import type { ScrapeJob } from "./scrape-job.ts";
import type { ScrapedPage } from "./scraped-page.ts";
import { createSeriesTracker, type SeriesBudget, type TrackedPage } from "./series-tracker.ts";

/** Scrapes one target again and again. Not to be called while a call is under way. */
export interface Scraper {
  /** @throws The reason of `signal`; everything else is in {@link ScrapedPage.error}. */
  scrape(atMs: EpochMs, signal: AbortSignal): Promise<ScrapedPage>;
  /** The last page: stale markers for everything, ours too. `undefined` before the first scrape. */
  gone(atMs: EpochMs): ScrapedPage | undefined;
  /** The last page was lost: its stale markers come again with the next one. */
  lose(): void;
  /** Goes on under other settings, for a target of the same labels. */
  configure(target: Target, job: ScrapeJob): void;
  /** Gives its share of the budget back. */
  release(): void;
}

export interface ScraperOptions {
  readonly budget: SeriesBudget;
  /** Different series of one page, where the job's `sample_limit` is not higher. */
  readonly maxSeries: number;
  /** Asked before each scrape; see `PageReader`. Default: they are wanted. */
  readonly wantsNative?: (() => boolean) | undefined;
}

/** The scrape's own series, in Prometheus' order. */
const REPORT = [
  "up",
  "scrape_duration_seconds",
  "scrape_samples_scraped",
  "scrape_samples_post_metric_relabeling",
  "scrape_series_added",
] as const;

export function createScraper(first: Target, firstJob: ScrapeJob, options: ScraperOptions): Scraper {
  let target = first;
  let job = firstJob;
  let reader = createPageReader(readerOptions(job));
  const tracker = createSeriesTracker(first.labels, job.config, options.budget);
  const own = REPORT.map((name): Series => ({ name, labels: first.labels }));
  let hasReported = false;

  function readerOptions({ config }: ScrapeJob): PageReaderOptions {
    return { limits: parseLimits(config, options.maxSeries), keepEmptyLabels: config.honor_labels };
  }

  async function take(atMs: EpochMs, signal: AbortSignal): Promise<TrackedPage> {
    const { client, config } = job;
    try {
      const page = await reader.read(target.url, {
        timeoutMs: target.timeoutMs,
        signal,
        maxBytes: config.body_size_limit || MAX_PAGE_BYTES,
        client,
        wantsNative: options.wantsNative?.() ?? true,
      });
      return tracker.take(page, atMs);
    } catch (reason) {
      signal.throwIfAborted();
      const error = (reason as Error).message.slice(0, 300);
      return { rows: tracker.miss(), samples: 0, kept: 0, added: 0, leftOut: 0, error };
    }
  }

  /** Adds the scrape's own series; where the page has the very same one, the page's counts. */
  function report(rows: FamilyBuilder, values: readonly (number | null)[]): void {
    for (const [i, series] of own.entries()) {
      if (tracker.has(series)) continue;
      rows.family(reportFamily(series.name)).add(series, values[i]!);
    }
    hasReported = true;
  }

  return {
    async scrape(atMs, signal) {
      const begin = performance.now();
      const taken = await take(atMs, signal);
      const durationMs = performance.now() - begin;
      const { rows, samples, kept, added, leftOut, error } = taken;
      report(rows, [error === undefined ? 1 : 0, durationMs / 1000, samples, kept, added]);
      const families = rows.build();
      return { target, atMs, families, sampleCount: samples, leftOut, durationMs, error, gone: false };
    },
    gone(atMs) {
      if (!hasReported) return undefined;
      const rows = tracker.miss();
      report(
        rows,
        REPORT.map(() => null),
      );
      const counts = { sampleCount: 0, leftOut: 0, durationMs: 0, error: undefined };
      return { target, atMs, families: rows.build(), ...counts, gone: true };
    },
    lose: () => tracker.oweMarkers(),
    configure(nextTarget, nextJob) {
      const wanted = readerOptions(nextJob);
      if (!isDeepStrictEqual(wanted, readerOptions(job))) reader = createPageReader(wanted);
      tracker.configure(nextJob.config);
      target = nextTarget;
      job = nextJob;
    },
    release: () => tracker.release(),
  };
}

function reportFamily(name: string): FamilyMetadata {
  return { name, type: "gauge", help: "", unit: "" };
}
