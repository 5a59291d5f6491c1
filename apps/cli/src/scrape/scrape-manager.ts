import { sleepFor } from "@promferry/core/delivery";
import type { EpochMs } from "@promferry/core/series";
import { createJobTargets, type JobTargets } from "./job-targets.ts";
import type { Target } from "./populate-target.ts";
import { createScraper } from "./scrape.ts";
import type { ScrapeJob } from "./scrape-job.ts";
import { createTeller, type ScrapeProblem } from "./scrape-problem.ts";
import type { ScrapedPage } from "./scraped-page.ts";
import type { SeriesBudget } from "./series-tracker.ts";
import { startTargetLoop, type TargetLoop } from "./target-loop.ts";

/** Counts since the start, and what is there now. */
export interface ScrapeStats {
  /** Targets that are scraped now. */
  readonly targets: number;
  /** Those of them whose last scrape worked. */
  readonly targetsUp: number;
  /** Discovered targets that relabelling takes away now. */
  readonly targetsDropped: number;
  /** Discovered targets that can't be scraped now: invalid, or over `maxTargets`. */
  readonly targetsRefused: number;
  /** Series that are remembered now, over all targets. */
  readonly series: number;
  readonly scrapes: number;
  readonly scrapesFailed: number;
  /** Due while the last page was still being fetched, or being taken by `onPage`: left out. */
  readonly scrapesSkipped: number;
  readonly discoveryFailures: number;
  /** Pages whose `onPage` rejected. */
  readonly pagesLost: number;
}

export interface ScrapeManagerOptions {
  readonly jobs: readonly ScrapeJob[];
  /**
   * Takes a page. One at a time for each target; while it runs, scrapes of that target that become due
   * are left out and counted. Nothing is queued. A page whose promise rejects is lost, and only its stale
   * markers are given again with the next one.
   */
  readonly onPage: (page: ScrapedPage) => Promise<void> | void;
  /** Default: nobody hears. A failure that stays the same is told once, not once a scrape. */
  readonly onProblem?: (problem: ScrapeProblem) => void;
  /** Wall clock. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Waits; rejects when the signal aborts. Default: real time. A test passes one that it moves by hand. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Whether native histograms are wanted, asked before each scrape. Default: they are. */
  readonly wantsNative?: () => boolean;
  /** Moves all scrapes inside their intervals, so that two agents differ. Default: the empty text. */
  readonly offsetSeed?: string;
  /** Over all jobs; further ones are refused. Default 10 000. */
  readonly maxTargets?: number;
  /** Different series of one page; more is a failed scrape. A higher `sample_limit` raises it. Default 1 000 000. */
  readonly maxSeriesPerTarget?: number;
  /** Series over all targets; a page that would bring more is a failed scrape. Default 2 000 000. */
  readonly maxSeries?: number;
}

/** Finds targets and scrapes each at its own times. */
export interface ScrapeManager {
  /** Begins. Static targets are there at once. */
  start(): void;
  /**
   * Takes other jobs. Targets whose `id` stays keep their times and what is known of their series, and
   * follow the new settings from the next scrape on; those that are not there any more are ended with a page
   * of stale markers. Lists of unchanged `file_sd` and `http_sd` entries are kept until they are read again.
   * Resolves once the last pages of those that are gone were taken.
   */
  reload(jobs: readonly ScrapeJob[]): Promise<void>;
  /**
   * Ends every scrape and resolves once no `onPage` runs. Writes no stale markers, as Prometheus: what
   * stops is expected to start again. Repeated calls do nothing more.
   */
  stop(): Promise<void>;
  stats(): ScrapeStats;
  /** Those that are scraped now, by job and URL. */
  targets(): readonly TargetStatus[];
}

export interface TargetStatus {
  readonly target: Target;
  /** Of the last scrape; `undefined` before the first. */
  readonly lastScrapeMs: EpochMs | undefined;
  readonly error: string | undefined;
}

export function createScrapeManager(options: ScrapeManagerOptions): ScrapeManager {
  const { onPage, now = Date.now, sleep = sleepFor, offsetSeed = "", wantsNative } = options;
  const { maxTargets = 10_000, maxSeriesPerTarget = 1_000_000, maxSeries = 2_000_000 } = options;
  const budget: SeriesBudget = { limit: maxSeries, used: 0 };
  const jobs = new Map<string, JobTargets>();
  const loops = new Map<string, TargetLoop>();
  /** Of targets that are being ended, by id: one that comes back has to wait. */
  const endings = new Map<string, Promise<void>>();
  let isWaiting = false;
  const counts = {
    ...{ scrapes: 0, scrapesFailed: 0, scrapesSkipped: 0, discoveryFailures: 0, pagesLost: 0 },
    ...{ targetsDropped: 0, targetsRefused: 0 },
  };
  const tell = createTeller(options.onProblem ?? (() => {}));
  let state: "new" | "running" | "stopped" = "new";

  function takeJobs(next: readonly ScrapeJob[]): void {
    const names = new Set(next.map(({ config }) => config.job_name));
    for (const [jobName, targets] of jobs) {
      if (names.has(jobName)) continue;
      targets.stop();
      jobs.delete(jobName);
    }
    for (const job of next) {
      const { job_name: jobName } = job.config;
      const known = jobs.get(jobName);
      if (known) known.configure(job);
      else jobs.set(jobName, findTargets(job));
    }
  }

  function findTargets(job: ScrapeJob): JobTargets {
    const { job_name: jobName } = job.config;
    return createJobTargets(job, {
      sleep,
      onChange: () => settle(),
      onRead: (source) => tell.settled("discovery", jobName, source),
      onFailure(source, message) {
        counts.discoveryFailures++;
        tell({ kind: "discovery", jobName, source, message });
      },
    });
  }

  /** Lets loops run for exactly the targets that there are. */
  function settle(): void {
    if (state !== "running") return;
    const wanted = new Map<string, { readonly target: Target; readonly job: ScrapeJob }>();
    counts.targetsDropped = 0;
    counts.targetsRefused = 0;
    for (const [jobName, { job, found }] of jobs) {
      const { targets, dropped, problems } = found();
      counts.targetsDropped += dropped;
      let refused = problems.length;
      for (const [id, target] of targets) {
        if (wanted.size < maxTargets) wanted.set(id, { target, job });
        else refused++;
      }
      counts.targetsRefused += refused;
      const why = problems[0] ?? `more than ${maxTargets} targets in all`;
      if (refused > 0) tell({ kind: "target", jobName, source: undefined, message: refusal(refused, why) });
      else tell.settled("target", jobName, undefined);
    }
    for (const [id, loop] of loops) {
      if (wanted.has(id)) continue;
      loops.delete(id);
      end(loop, true);
    }
    for (const [id, { target, job }] of wanted) {
      const loop = loops.get(id);
      if (loop) loop.configure(target, job);
      else if (endings.has(id)) isWaiting = true;
      else loops.set(id, begin(target, job));
    }
  }

  function begin(target: Target, job: ScrapeJob): TargetLoop {
    return startTargetLoop({
      target,
      scraper: createScraper(target, job, { budget, maxSeries: maxSeriesPerTarget, wantsNative }),
      ...{ now, sleep, offsetSeed },
      async onPage(page) {
        if (!page.gone) countScrape(page);
        await onPage(page);
      },
      onLost({ target: { jobName, url } }, error) {
        counts.pagesLost++;
        tell({ kind: "page", jobName, source: url, message: (error as Error).message });
      },
      onBroken({ jobName, url }, error) {
        const message = `not scraped any more: ${(error as Error).message}`;
        tell({ kind: "scrape", jobName, source: url, message });
      },
      onSkipped(count) {
        counts.scrapesSkipped += count;
      },
    });
  }

  function countScrape({ target: { jobName, url }, error }: ScrapedPage): void {
    counts.scrapes++;
    if (error === undefined) {
      tell.settled("scrape", jobName, url);
      return;
    }
    counts.scrapesFailed++;
    tell({ kind: "scrape", jobName, source: url, message: error });
  }

  function end(loop: TargetLoop, gone: boolean): void {
    const { id, jobName, url } = loop.target;
    const ending = loop.end(gone).finally(() => {
      endings.delete(id);
      tell.settled("scrape", jobName, url);
      tell.settled("page", jobName, url);
      if (!isWaiting) return;
      isWaiting = false;
      settle();
    });
    endings.set(id, ending);
  }

  return {
    start() {
      if (state !== "new") throw new Error("a scrape manager starts once");
      state = "running";
      takeJobs(options.jobs);
      settle();
    },
    async reload(next) {
      if (state !== "running") throw new Error("only a running scrape manager takes other jobs");
      takeJobs(next);
      settle();
      await Promise.all(endings.values());
    },
    async stop() {
      state = "stopped";
      for (const targets of jobs.values()) targets.stop();
      for (const loop of loops.values()) end(loop, false);
      jobs.clear();
      loops.clear();
      await Promise.all(endings.values());
    },
    stats() {
      let targetsUp = 0;
      for (const { last } of loops.values()) if (last && last.error === undefined) targetsUp++;
      return { ...counts, targets: loops.size, targetsUp, series: budget.used };
    },
    targets() {
      return Array.from(loops.values(), ({ target, last }) => ({
        ...{ target, lastScrapeMs: last?.atMs, error: last?.error },
      })).sort((a, b) => compareStatus(a, b));
    },
  };
}

function refusal(count: number, why: string): string {
  return count === 1 ? `a target is not scraped: ${why}` : `${count} targets are not scraped: ${why}, …`;
}

function compareStatus({ target: a }: TargetStatus, { target: b }: TargetStatus): number {
  if (a.jobName !== b.jobName) return a.jobName < b.jobName ? -1 : 1;
  return a.url < b.url ? -1 : a.url > b.url ? 1 : 0;
}
