import type { Exemplar, MetricFamily, NativeHistogram, Series } from "@promferry/core/series";
import type { Random } from "../random.ts";
import { textOf } from "./program.ts";

/** A scraped page with everything that a frame writes behind `#~`: native histograms, exemplars, starts and stale markers. */
export interface ScrapedPage {
  scrape(): void;
  families(): MetricFamily[];
  /** Sample line up to the value, to all that is said of the sample, as JSON. */
  state(): Map<string, string>;
}

const ROUTES = ["a", "b", "c", "d"];
const START_MS = Date.UTC(2031, 2, 5, 5);

/** All that a frame says of a row, in a form that two of the same share. */
export function saidOf(family: MetricFamily, row: number): string {
  return JSON.stringify([
    family.special?.has(row) ? (family.special.get(row) ?? null) : family.values[row],
    family.exemplars?.get(row) ?? null,
    family.startsMs?.get(row) ?? null,
  ]);
}

export function createScrapedPage(random: Random): ScrapedPage {
  const counters = ROUTES.map((route) => seriesOf("page_hits_total", route));
  const histograms = ROUTES.slice(0, 2).map((route) => seriesOf("page_seconds", route));
  let current: MetricFamily[] = [];
  let hits = 0;

  function scrape(): void {
    hits += random.between(1, 9);
    const special = new Map<number, NativeHistogram | null>(
      histograms.map((_, row) => [row, random.chance(0.1) ? null : histogramOf(random, hits + row)]),
    );
    const exemplars = new Map<number, readonly Exemplar[]>(
      counters.flatMap((_, row): [number, readonly Exemplar[]][] =>
        random.chance(0.5) ? [[row, [exemplarOf(hits, row)]]] : [],
      ),
    );
    current = [
      {
        ...familyOf("page_hits_total", "counter", counters, (row) => hits * (row + 1)),
        exemplars,
        startsMs: new Map(counters.map((_, row) => [row, START_MS + row])),
      },
      { ...familyOf("page_seconds", "histogram", histograms, () => Number.NaN), special },
    ];
  }

  return {
    scrape,
    families: () => current,
    state: () =>
      new Map(
        current.flatMap((family) =>
          family.series.map((series, row): [string, string] => [textOf(series), saidOf(family, row)]),
        ),
      ),
  };
}

function exemplarOf(hits: number, row: number): Exemplar {
  const labels = [{ name: "trace_id", value: `t${hits}` }];
  return { labels, value: row + 0.5, timestampMs: START_MS + hits };
}

function histogramOf(random: Random, count: number): NativeHistogram {
  const low = random.between(1, count);
  return {
    schema: random.between(-4, 8),
    integer: true,
    count: count + 3,
    sum: count / 4,
    zeroThreshold: 0.001,
    zeroCount: 3,
    positiveSpans: [
      { offset: random.between(-9, 9), length: 1 },
      { offset: random.between(1, 5), length: 1 },
    ],
    positiveCounts: [low, count - low],
    negativeSpans: [],
    negativeCounts: [],
    customBounds: [],
    resetHint: "unknown",
  };
}

function familyOf(
  name: string,
  type: MetricFamily["type"],
  series: readonly Series[],
  value: (row: number) => number,
): MetricFamily {
  return {
    name,
    type,
    help: `What ${name} says.`,
    unit: "",
    series,
    values: series.map((_, row) => value(row)),
    timestampsMs: series.map(() => Number.NaN),
  };
}

function seriesOf(name: string, route: string): Series {
  return { name, labels: [{ name: "route", value: route }] };
}
