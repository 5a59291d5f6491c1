import type { EpochMs, Label, MetricFamily } from "@promferry/core/series";
import type { ScrapeJob } from "./scrape-job.ts";

/** A page that is scraped again and again. One object for as long as its labels, URL and interval stay. */
export interface Target {
  /** Of labels and URL: equal in every run, and for as long as neither changes. */
  readonly id: string;
  /** `job_name` of the entry of `scrape_configs` that it comes from. */
  readonly jobName: string;
  readonly url: string;
  /** What its series get, `job` and `instance` among them; sorted by name. */
  readonly labels: readonly Label[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** One scrape, ready for a journal. */
export interface ScrapedPage {
  readonly target: Target;
  /** When it began; the time of every sample that has none of its own. */
  readonly atMs: EpochMs;
  /**
   * The page's families with labels attached and rules applied, then `up` and the `scrape_…` series. A
   * series that ended since the page before has a row whose `special` is null (a stale marker). Where
   * nothing changed a series is the same object on every page of its target.
   */
  readonly families: readonly MetricFamily[];
  /** Samples of the page, before `metric_relabel_configs`; no markers and no series of ours. */
  readonly sampleCount: number;
  readonly durationMs: number;
  /** Why there is no page: `up` is 0, and every series but ours has ended. */
  readonly error: string | undefined;
  /** Whether the target has gone: the last page of it, with nothing but stale markers. */
  readonly gone: boolean;
}

/** Something a user should hear of. The manager goes on. */
export interface ScrapeProblem {
  /**
   * `target`: it can't be made, or is one too many. `discovery`: a list could not be had; the last one
   * stays. `scrape`: a page could not be had. `page`: `onPage` rejected.
   */
  readonly kind: "target" | "discovery" | "scrape" | "page";
  readonly jobName: string;
  /** The target's URL, or the list's file or URL, where there is one. Never with credentials. */
  readonly source: string | undefined;
  readonly message: string;
}

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
  /** Default: nobody hears. Called once for a failure that stays the same, not once a scrape. */
  readonly onProblem?: (problem: ScrapeProblem) => void;
  /** Wall clock. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Waits. Default: real time. A test passes one that it moves by hand. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Moves all scrapes inside their intervals, so that two agents differ. Default: the empty text. */
  readonly offsetSeed?: string;
  /** Over all jobs; further ones are refused. Default 10 000. */
  readonly maxTargets?: number;
  /** Different series of one page; more is a failed scrape. `sample_limit` may be lower. Default 1 000 000. */
  readonly maxSeriesPerTarget?: number;
}

/** Finds targets and scrapes each at its own times. */
export interface ScrapeManager {
  /** Begins. Static targets are there at once. */
  start(): void;
  /**
   * Takes other jobs. Targets whose `id` stays keep their times and what is known of their series, and
   * follow the new settings from the next scrape on; those that are not there any more are ended with a page
   * of stale markers. Resolves when that is done. Lists of unchanged `file_sd` and `http_sd` entries are kept.
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
