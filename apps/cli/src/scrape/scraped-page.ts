import type { EpochMs, MetricFamily } from "@promferry/core/series";
import type { Target } from "./populate-target.ts";

/** One scrape, ready for a journal. */
export interface ScrapedPage {
  readonly target: Target;
  /** When it began; the time of every sample that has none of its own. */
  readonly atMs: EpochMs;
  /**
   * The page's families with labels attached and rules applied, then `up` and the `scrape_…` series. A
   * series that ended since the page before has a row whose `special` is null (a stale marker). A series
   * that stays is the same object on every page of its target.
   */
  readonly families: readonly MetricFamily[];
  /** Samples of the page, before `metric_relabel_configs`; no markers and no series of ours. */
  readonly sampleCount: number;
  /** Samples whose own times no journal holds, or that lie more than 10 minutes ahead. */
  readonly leftOut: number;
  readonly durationMs: number;
  /** Why there is no page: `up` is 0, and every series but ours has ended. */
  readonly error: string | undefined;
  /** Whether the target has gone: the last page of it, with nothing but stale markers. */
  readonly gone: boolean;
}
