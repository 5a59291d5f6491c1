import type { EpochMs } from "@promferry/core/series";
import type { Target } from "./populate-target.ts";
import { nextDue, scrapeOffset, scrapeTime } from "./schedule.ts";
import type { Scraper } from "./scrape.ts";
import type { ScrapeJob } from "./scrape-job.ts";
import type { ScrapedPage } from "./scraped-page.ts";

export interface TargetLoopOptions {
  readonly target: Target;
  readonly scraper: Scraper;
  readonly now: () => EpochMs;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly offsetSeed: string;
  readonly onPage: (page: ScrapedPage) => Promise<void> | void;
  /** `onPage` rejected. */
  readonly onLost: (page: ScrapedPage, error: unknown) => void;
  /** A fault of ours: the target is not scraped any more. */
  readonly onBroken: (target: Target, error: unknown) => void;
  /** Scrapes that were left out while the one before was under way. */
  readonly onSkipped: (count: number) => void;
}

/** Scrapes one target at its times until it is ended. */
export interface TargetLoop {
  readonly target: Target;
  /** The last page, where there is one. */
  readonly last: ScrapedPage | undefined;
  /** Follows other settings from the next scrape on. */
  configure(target: Target, job: ScrapeJob): void;
  /**
   * Cuts the scrape under way and resolves once `onPage` is through.
   *
   * @param gone Whether the target is gone: a last page with stale markers goes out, too.
   */
  end(gone: boolean): Promise<void>;
}

export function startTargetLoop(options: TargetLoopOptions): TargetLoop {
  const { scraper, now, sleep, offsetSeed, onSkipped } = options;
  let target = options.target;
  let last: ScrapedPage | undefined;
  let settings: { readonly target: Target; readonly job: ScrapeJob } | undefined;
  const ending = new AbortController();
  let waking = new AbortController();

  async function give(page: ScrapedPage): Promise<void> {
    last = page;
    try {
      await options.onPage(page);
    } catch (error) {
      scraper.lose();
      options.onLost(page, error);
    }
  }

  async function waitUntil(due: EpochMs): Promise<void> {
    waking = new AbortController();
    const wake = () => waking.abort();
    ending.signal.addEventListener("abort", wake, { once: true });
    try {
      await sleep(Math.max(0, due - now()), waking.signal);
    } catch (error) {
      if (!waking.signal.aborted) throw error;
    } finally {
      ending.signal.removeEventListener("abort", wake);
    }
  }

  async function run(): Promise<void> {
    let after = now();
    while (!ending.signal.aborted) {
      const { id, intervalMs } = target;
      const due = nextDue(after, intervalMs, scrapeOffset(id, intervalMs, offsetSeed));
      await waitUntil(due);
      if (settings) {
        const isElsewhen = settings.target.intervalMs !== target.intervalMs;
        ({ target } = settings);
        scraper.configure(settings.target, settings.job);
        settings = undefined;
        if (isElsewhen) {
          after = now();
          continue;
        }
      }
      if (ending.signal.aborted) return;
      const begun = now();
      // The clock was set back, or a wait was cut short.
      if (begun < due - intervalMs) {
        after = begun;
        continue;
      }
      let page: ScrapedPage;
      try {
        page = await scraper.scrape(scrapeTime(begun, due, intervalMs), ending.signal);
      } catch (error) {
        if (ending.signal.aborted) return;
        throw error;
      }
      await give(page);
      const busyMs = now() - begun;
      if (busyMs >= intervalMs) onSkipped(Math.floor(busyMs / intervalMs));
      after = Math.max(due, now());
    }
  }

  const running = run().catch((error: unknown) => options.onBroken(target, error));

  return {
    get target() {
      return target;
    },
    get last() {
      return last;
    },
    configure(nextTarget, job) {
      settings = { target: nextTarget, job };
      if (nextTarget.intervalMs !== target.intervalMs) waking.abort();
    },
    async end(gone) {
      ending.abort();
      const endMs = Math.round(now());
      try {
        await running;
        // Not the time at which `onPage` was through: another target may have the same series by then.
        const page = gone ? scraper.gone(Math.max(endMs, (last?.atMs ?? 0) + 1)) : undefined;
        if (page) await give(page);
      } finally {
        scraper.release();
      }
    },
  };
}
