import type { GaugeMerge } from "../journal/frame.ts";
import { createSeriesDictionary, labelValue, type SeriesDictionary } from "../series/dictionary.ts";
import type { FamilyMetadata, Label, Series } from "../series/series.ts";
import { SeriesMap } from "../series/series-map.ts";
import { addBound, bucketTotalWithout, createBucketTotals, type SourceBuckets } from "./bucket-totals.ts";
import type { BucketTarget, CounterTarget, GaugeTarget, PageTarget, Target } from "./targets.ts";

/** A series on its way out: name and labels. */
export interface Leaving {
  readonly name: string;
  readonly labels: readonly Label[];
  /** The series that has just these, where it is known. */
  readonly same?: Series | undefined;
}

/** How a series leaves that is projected so. */
export function leavingAs({ name, labels }: Leaving, source: Series): Leaving {
  const isSame = name === source.name && labels === source.labels;
  return { name, labels, same: isSame ? source : undefined };
}

/** Finds or opens the target of a series that leaves. */
export interface TargetTable {
  readonly dictionary: SeriesDictionary;
  seriesOf(leaving: Leaving): Series;
  /** In order of first appearance. */
  readonly targets: readonly Target[];
  /** Lets go of all but those of scraped pages. */
  forgetPrograms(): void;
  counter(leaving: Leaving, family: FamilyMetadata): CounterTarget;
  gauge(leaving: Leaving, family: FamilyMetadata, merge: GaugeMerge): GaugeTarget;
  page(leaving: Leaving, family: FamilyMetadata): PageTarget;
  /** The histogram that a `_bucket` series belongs to. */
  buckets(leaving: Leaving, family: FamilyMetadata): BucketTarget;
  /** The `_count` beside a sum or a quantile. */
  countBeside(series: Series, family: FamilyMetadata): CounterTarget | undefined;
  /** Targets of another kind that this one shares a series with, from before its type changed; of a histogram, the bound's. */
  rivals(target: Target, bound: number | undefined): Target[];
}

export function createTargetTable(): TargetTable {
  const dictionary = createSeriesDictionary();
  const targets: Target[] = [];
  const bySeries = {
    counter: new SeriesMap<Target>(),
    gauge: new SeriesMap<Target>(),
    page: new SeriesMap<Target>(),
    bucket: new SeriesMap<Target>(),
  };
  let hasBuckets = false;

  function seriesOf({ name, labels, same }: Leaving): Series {
    return same ? dictionary.adopt(same) : dictionary.intern(name, labels);
  }

  function find<T extends Target>(kind: T["kind"], series: Series, open: (series: Series) => T): T {
    const found = bySeries[kind].get(series);
    if (found) return found as T;
    const target = open(series);
    bySeries[kind].set(series, target);
    targets.push(target);
    return target;
  }

  function known(kinds: readonly Target["kind"][], series: Series): Target[] {
    return kinds.flatMap((kind) => bySeries[kind].get(series) ?? []);
  }

  return {
    dictionary,
    seriesOf,
    targets,
    forgetPrograms: () => {
      for (const kind of ["counter", "gauge", "bucket"] as const) bySeries[kind].clear();
      hasBuckets = false;
      const pages = targets.filter(({ kind }) => kind === "page");
      targets.length = 0;
      for (const page of pages) targets.push(page);
    },
    counter: (leaving, family) =>
      find<CounterTarget>("counter", seriesOf(leaving), (series) => ({
        kind: "counter",
        ...freshOutlet(family),
        series,
        endedGrowth: 0,
        live: new Set(),
        liveGrowth: 0,
      })),
    gauge: (leaving, family, merge) => {
      const target = find<GaugeTarget>("gauge", seriesOf(leaving), (series) => ({
        kind: "gauge",
        ...freshOutlet(family),
        series,
        merge,
        bounds: undefined,
        live: new Map(),
        newestMs: Number.NEGATIVE_INFINITY,
        newest: [],
      }));
      target.merge = merge;
      return target;
    },
    page: (leaving, family) =>
      // In one literal: there may be very many, and what is spread takes an array of its own for some of the fields.
      find<PageTarget>("page", seriesOf(leaving), (series) => ({
        kind: "page",
        family,
        emitted: false,
        stale: false,
        owedSinceMs: undefined,
        isBelow: false,
        touchedIn: 0,
        touchedSinceMs: undefined,
        fedBy: undefined,
        series,
        newestMs: Number.NEGATIVE_INFINITY,
        value: Number.NaN,
        lastExemplar: undefined,
        shown: undefined,
      })),
    buckets: (leaving, family) => {
      const whole = dictionary.intern(leaving.name, withoutLabel(leaving.labels, "le"));
      hasBuckets = true;
      return find<BucketTarget>("bucket", whole, () => ({
        kind: "bucket",
        ...freshOutlet(family),
        totals: createBucketTotals(),
        outlets: [],
      }));
    },
    countBeside: ({ labels }, family) => {
      const count = dictionary.intern(`${family.name}_count`, withoutLabel(labels, "quantile"));
      return bySeries.counter.get(count) as CounterTarget | undefined;
    },
    rivals: (target, bound) => {
      if (target.kind === "bucket") {
        const outlet = bound === undefined ? undefined : target.outlets[target.totals.bounds.indexOf(bound)];
        return outlet ? known(SINGLE_KINDS, outlet.series) : [];
      }
      const { series, kind } = target;
      const rivals = known(
        SINGLE_KINDS.filter((other) => other !== kind),
        series,
      );
      if (!hasBuckets || labelValue(series, "le") === "") return rivals;
      const whole = dictionary.intern(series.name, withoutLabel(series.labels, "le"));
      return [...rivals, ...known(["bucket"], whole)];
    },
  };
}

const SINGLE_KINDS = ["counter", "gauge", "page"] as const;

function withoutLabel(labels: readonly Label[], name: string): readonly Label[] {
  return labels.filter((label) => label.name !== name);
}

/** Opens the bound in the target where it is new. */
export function openBound(
  table: TargetTable,
  target: BucketTarget,
  bound: number,
  leaving: Leaving,
  source: SourceBuckets,
): void {
  if (target.totals.bounds.includes(bound)) return;
  const index = addBound(target.totals, bound);
  // A new bound of a histogram that the destination knows has been counting all along, unseen.
  const firstValue = target.emitted ? bucketTotalWithout(target.totals, index, source) : 0;
  const series = table.seriesOf(leaving);
  target.outlets.splice(index, 0, { series, emitted: false, firstValue });
}

function freshOutlet(
  family: FamilyMetadata,
): Pick<
  CounterTarget,
  "family" | "emitted" | "stale" | "owedSinceMs" | "isBelow" | "touchedIn" | "touchedSinceMs" | "fedBy"
> {
  const untouched = { touchedIn: 0, touchedSinceMs: undefined, fedBy: undefined };
  return { family, emitted: false, stale: false, owedSinceMs: undefined, isBelow: false, ...untouched };
}
