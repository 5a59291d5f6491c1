import { sleepFor } from "@promferry/core/delivery";
import { createJournalWriter, type DayBoundary, type JournalWriter } from "@promferry/core/journal";
import type { Target } from "./populate-target.ts";
import { createScraper, type Scraper } from "./scrape.ts";
import type { ScrapedPage } from "./scraped-page.ts";
import type { ScrapeTarget } from "./target.ts";
import { jobOfUrl } from "./url-job.ts";

export interface CollectOptions {
  readonly dir: string;
  readonly targets: readonly ScrapeTarget[];
  /** Time from one scrape's start to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Longest wait for a page; never longer than the interval. */
  readonly timeoutMs: number;
  readonly dayBoundary: DayBoundary;
  /** One scrape of each page instead of scraping until `signal` aborts. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Called once the scrape's frame is on the disk. */
  readonly onScrape?: (written: WrittenScrape) => void;
}

export interface WrittenScrape {
  readonly page: ScrapedPage;
  /** The day file's name. */
  readonly file: string;
}

/** Series over all pages of one run. */
const MAX_SERIES = 2_000_000;

/**
 * Scrapes pages into a journal, each page as a session of its own, one frame a scrape.
 *
 * @throws {JournalError} A frame can't be written; the first one ends the run.
 * @throws The reason of `signal`, once the frames under way are written; not with `once` done.
 */
export async function collectPages(options: CollectOptions): Promise<void> {
  const { targets, intervalMs, now } = options;
  const timeoutMs = options.once ? options.timeoutMs : Math.min(options.timeoutMs, intervalMs);
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const budget = { limit: MAX_SERIES, used: 0 };
  const runs = targets.map(async (page) => {
    const times = { intervalMs, timeoutMs };
    const scraper = createScraper(pageTarget(page, times), jobOfUrl(page, times), {
      budget,
      maxSeries: MAX_SERIES,
    });
    const writer = createJournalWriter({
      dir: options.dir,
      origin: "scrape",
      consent: "user",
      info: { intervalMs },
      dayBoundary: options.dayBoundary,
      now,
    });
    try {
      await collectPage(scraper, writer, { ...options, signal });
    } catch (error) {
      failed.abort(error);
      throw error;
    } finally {
      await writer.close();
    }
  });
  const results = await Promise.allSettled(runs);
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** The page at the very URL that the user named. */
function pageTarget(
  { url, job, instance }: ScrapeTarget,
  times: Pick<Target, "intervalMs" | "timeoutMs">,
): Target {
  const labels = [
    { name: "instance", value: instance },
    { name: "job", value: job },
  ];
  return { id: url, jobName: job, url, labels, ...times };
}

async function collectPage(scraper: Scraper, writer: JournalWriter, options: CollectOptions): Promise<void> {
  const { intervalMs, signal, once, onScrape, now } = options;
  const begin = performance.now();
  for (;;) {
    const page = await scraper.scrape(now(), signal);
    const { file } = await writer.write({ kind: "full", families: page.families, atMs: page.atMs });
    onScrape?.({ page, file });
    if (once) return;
    // Ticks that a slow page has missed are left out, not made up for.
    const elapsed = performance.now() - begin;
    await sleepFor(intervalMs - (elapsed % intervalMs), signal);
  }
}
