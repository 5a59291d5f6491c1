import { setTimeout as sleep } from "node:timers/promises";
import { createJournalWriter, type DayBoundary, type JournalWriter } from "@promferry/core/journal";
import { toFrameFamilies } from "../frame-families.ts";
import { createScraper, type Scrape, type Scraper } from "./scrape.ts";
import type { ScrapeTarget } from "./target.ts";

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
  readonly target: ScrapeTarget;
  readonly scrape: Scrape;
  /** Samples with times that a journal can't hold. */
  readonly leftOut: number;
  /** The day file's name. */
  readonly file: string;
}

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
  const runs = targets.map(async (target) => {
    const scraper = createScraper(target, { timeoutMs, now });
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

async function collectPage(scraper: Scraper, writer: JournalWriter, options: CollectOptions): Promise<void> {
  const { intervalMs, signal, once, onScrape } = options;
  const begin = performance.now();
  for (;;) {
    const scrape = await scraper.scrape(signal);
    const { families, leftOut } = toFrameFamilies(scrape.families);
    const { file } = await writer.write({ kind: "full", families, atMs: scrape.startedMs });
    onScrape?.({ target: scraper.target, scrape, leftOut, file });
    if (once) return;
    // Ticks that a slow page has missed are left out, not made up for.
    const elapsed = performance.now() - begin;
    await sleep(intervalMs - (elapsed % intervalMs), undefined, { signal }).catch(() =>
      signal.throwIfAborted(),
    );
  }
}
