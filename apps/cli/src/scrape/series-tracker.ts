import { compileRelabel } from "@promferry/core/relabel";
import {
  canonicalLabels,
  type EpochMs,
  type FamilyMetadata,
  type Label,
  type Series,
  seriesKey,
} from "@promferry/core/series";
import { type ScrapeConfig, scrapeRules } from "../config/scrape-schema.ts";
import { createFamilyBuilder, type FamilyBuilder, type FamilyRows } from "./family-builder.ts";
import { checkLabelLimits, PageRefusal } from "./page-limits.ts";
import type { ReadPage } from "./read-page.ts";
import { withTargetLabels } from "./target-labels.ts";

/** How many series may be remembered, and are, over all trackers that share it. */
export interface SeriesBudget {
  readonly limit: number;
  used: number;
}

/** What became of a page. */
export interface TrackedPage {
  /** Its rows and the stale markers; only the latter where there is an error. */
  readonly rows: FamilyBuilder;
  readonly samples: number;
  /** After `metric_relabel_configs`. */
  readonly kept: number;
  /** Series that were not known before. */
  readonly added: number;
  /** Samples whose own times no journal holds, or that lie more than 10 minutes ahead. */
  readonly leftOut: number;
  /** Why it counts as no page. */
  readonly error: string | undefined;
}

/** Gives the series of one target their labels, and knows which of them have ended. */
export interface SeriesTracker {
  take(page: ReadPage, atMs: EpochMs): TrackedPage;
  /** There is no page: the markers of everything that the last one had. */
  miss(): FamilyBuilder;
  /** Whether the last page has this series at the page's own time. */
  has(series: Series): boolean;
  /** The last markers were lost: the next page gives them again, where the series is not back. */
  oweMarkers(): void;
  /** Goes on under other settings. Series that they take away end with the next page. */
  configure(config: ScrapeConfig): void;
  /** Forgets everything, and gives its share of the budget back. */
  release(): void;
}

/** A series as it leaves. */
interface Leaving {
  readonly key: string;
  readonly series: Series;
  /** Of the family that it was in last. */
  metadata: FamilyMetadata;
  /** The last page that had it, and its times in that page; NaN is the page's own. */
  page: number;
  timestampMs: number;
  moreMs: Set<number> | undefined;
  /** The last page that had it without a time of its own: only such series get stale markers. */
  trackedPage: number;
}

/** A series as the page has it. */
interface Arriving {
  /** `undefined`: a rule drops it. */
  readonly leaving: Leaving | undefined;
  page: number;
}

/** How far ahead of the scrape a sample's own time may lie, as in Prometheus. */
const MAX_AHEAD_MS = 600_000;

/** Series of failed pages that are remembered beyond twice those of the last good one. */
const SPARE_SERIES = 1000;

/** @param own The target's labels. */
export function createSeriesTracker(
  own: readonly Label[],
  config: ScrapeConfig,
  budget: SeriesBudget,
): SeriesTracker {
  let settings = config;
  let relabel = compileRelabel(scrapeRules(config.metric_relabel_configs));
  const arriving = new Map<Series, Arriving>();
  const leaving = new Map<string, Leaving>();
  let page = 0;
  let lastGoodSize = 0;
  /** With the page's own time, in the last page. */
  let tracked: Leaving[] = [];
  let ended: Leaving[] = [];
  let owed: readonly Leaving[] = [];

  /** @throws {PageRefusal} */
  function leave({ name: givenName, labels: given }: Series, isKept: boolean): Leaving | undefined {
    const labels = withTargetLabels(given, own, settings.honor_labels);
    const relabelled = relabel([{ name: "__name__", value: givenName }, ...labels]);
    if (!relabelled) return undefined;
    const name = relabelled.find((label) => label.name === "__name__")?.value;
    if (!name) throw new PageRefusal(`metric_relabel_configs leave a series of ${givenName} without a name`);
    checkLabelLimits(name, relabelled, settings);
    const kept = canonicalLabels(relabelled.filter((label) => label.name !== "__name__"));
    const key = seriesKey(name, kept);
    const known = leaving.get(key);
    if (known) return known;
    const made: Leaving = {
      key,
      series: { name, labels: kept },
      metadata: { name, type: "unknown", help: "", unit: "" },
      page: -1,
      timestampMs: Number.NaN,
      moreMs: undefined,
      trackedPage: -1,
    };
    if (isKept) leaving.set(key, made);
    return made;
  }

  /** Drops what the current page does not have. */
  function forgetOthers(): void {
    for (const [series, entry] of arriving) {
      if (entry.page === page) continue;
      arriving.delete(series);
      budget.used--;
    }
    for (const [key, entry] of leaving) if (entry.page !== page) leaving.delete(key);
  }

  /** @throws {PageRefusal} */
  function readRows({ families, repeated }: ReadPage, atMs: EpochMs, counts: Counts): FamilyBuilder {
    const rows = createFamilyBuilder();
    const { sample_limit: sampleLimit } = settings;
    for (const family of families) {
      let own: FamilyRows | undefined;
      for (let i = 0; i < family.series.length; i++) {
        counts.samples++;
        const series = family.series[i]!;
        // What comes after the limit is only counted, as Prometheus does.
        const isOver = sampleLimit > 0 && counts.kept >= sampleLimit;
        const entry = entryOf(series, isOver, counts);
        if (!entry) continue;
        counts.kept++;
        if (isOver) continue;
        const timestampMs = admit(entry, family.timestampsMs[i]!, atMs, counts);
        if (timestampMs === undefined) continue;
        const { name } = entry.series;
        if (name === series.name) own ??= rows.family(family);
        const home = name === series.name && own ? own : rows.family(unknownFamily(name));
        entry.metadata = home.metadata;
        home.copy(entry.series, family, i, timestampMs);
      }
    }
    const isOver = sampleLimit > 0 && counts.kept > sampleLimit;
    // Counted like the others, but never held against the limit, as in Prometheus.
    for (const [series, times] of repeated) {
      counts.samples += times;
      if (entryOf(series, true, counts)) counts.kept += times;
    }
    if (!isOver) return rows;
    throw new PageRefusal(`more samples than sample_limit, ${sampleLimit}`);
  }

  /** What the series leaves as; `undefined` where a rule drops it. */
  function entryOf(series: Series, isOver: boolean, counts: Counts): Leaving | undefined {
    const known = arriving.get(series);
    if (known) {
      known.page = page;
      return known.leaving;
    }
    if (budget.used >= budget.limit) throw new PageRefusal(`more than ${budget.limit} series in all`);
    const entry = leave(series, !isOver);
    if (isOver && entry) return entry;
    arriving.set(series, { leaving: entry, page });
    budget.used++;
    if (entry) counts.added++;
    return entry;
  }

  /** The time of a sample, NaN for the page's own; `undefined` where it has to stay behind. */
  function admit(entry: Leaving, givenMs: number, atMs: EpochMs, counts: Counts): number | undefined {
    const timestampMs = settings.honor_timestamps ? givenMs : Number.NaN;
    if (!isFirst(entry, timestampMs)) return undefined;
    if (Number.isNaN(timestampMs)) {
      entry.trackedPage = page;
      tracked.push(entry);
      return timestampMs;
    }
    if (Number.isSafeInteger(timestampMs) && timestampMs >= 0 && timestampMs <= atMs + MAX_AHEAD_MS) {
      return timestampMs;
    }
    counts.leftOut++;
    return undefined;
  }

  /** Whether the series has no sample at this time in this page yet: two may have become one. */
  function isFirst(entry: Leaving, timestampMs: number): boolean {
    if (entry.page !== page) {
      entry.page = page;
      entry.timestampMs = timestampMs;
      entry.moreMs = undefined;
      return true;
    }
    if (Object.is(entry.timestampMs, timestampMs) || entry.moreMs?.has(timestampMs)) return false;
    entry.moreMs ??= new Set();
    entry.moreMs.add(timestampMs);
    return true;
  }

  function endSeries(before: readonly Leaving[], rows: FamilyBuilder): void {
    const isHere = (entry: Leaving | undefined) => entry?.trackedPage === page;
    // One that was forgotten in between is another object now.
    ended = [...before, ...owed].filter((entry) => !isHere(entry) && !isHere(leaving.get(entry.key)));
    owed = [];
    for (const { series, metadata } of ended) rows.family(metadata).add(series, null);
  }

  return {
    take(given, atMs) {
      page++;
      const before = tracked;
      tracked = [];
      const counts: Counts = { samples: 0, kept: 0, added: 0, leftOut: 0 };
      try {
        const rows = readRows(given, atMs, counts);
        forgetOthers();
        lastGoodSize = arriving.size;
        endSeries(before, rows);
        return { rows, ...counts, error: undefined };
      } catch (error) {
        if (!(error instanceof PageRefusal)) throw error;
        if (arriving.size > 2 * lastGoodSize + SPARE_SERIES) forgetOthers();
        // What was read of it counts for nothing.
        tracked = [];
        page++;
        const rows = createFamilyBuilder();
        endSeries(before, rows);
        return { rows, ...counts, leftOut: 0, error: error.message };
      }
    },
    miss() {
      page++;
      const before = tracked;
      tracked = [];
      const rows = createFamilyBuilder();
      endSeries(before, rows);
      return rows;
    },
    has(series) {
      return leaving.get(seriesKey(series.name, series.labels))?.trackedPage === page;
    },
    oweMarkers() {
      owed = ended;
    },
    configure(next) {
      const isSame = decisive(next) === decisive(settings);
      settings = next;
      if (isSame) return;
      relabel = compileRelabel(scrapeRules(next.metric_relabel_configs));
      budget.used -= arriving.size;
      arriving.clear();
    },
    release() {
      budget.used -= arriving.size;
      arriving.clear();
      leaving.clear();
      tracked = [];
      owed = [];
    },
  };
}

/** The settings that decide how a series leaves, for comparing. */
function decisive(config: ScrapeConfig): string {
  const { honor_labels: labels, metric_relabel_configs: rules } = config;
  const { label_limit, label_name_length_limit, label_value_length_limit } = config;
  return JSON.stringify([labels, rules, label_limit, label_name_length_limit, label_value_length_limit]);
}

interface Counts {
  samples: number;
  kept: number;
  added: number;
  leftOut: number;
}

/** What can be said of a metric that a rule has renamed. */
function unknownFamily(name: string): FamilyMetadata {
  return { name, type: "unknown", help: "", unit: "" };
}
