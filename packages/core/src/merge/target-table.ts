import type { GaugeMerge } from "../journal/frame.ts";
import { createSeriesDictionary, type SeriesDictionary, seriesKey } from "../series/dictionary.ts";
import type { FamilyMetadata, Label, Series } from "../series/series.ts";
import { addBound, bucketTotalWithout, createBucketTotals, type SourceBuckets } from "./bucket-totals.ts";
import type { BucketTarget, CounterTarget, GaugeTarget, PageTarget, Target } from "./targets.ts";

/** A series on its way out: name and labels. */
export interface Leaving {
  readonly name: string;
  readonly labels: readonly Label[];
}

/** Finds or opens the target of a series that leaves. */
export interface TargetTable {
  readonly dictionary: SeriesDictionary;
  /** By key, in order of first appearance. */
  readonly byKey: Map<string, Target>;
  counter(leaving: Leaving, family: FamilyMetadata): CounterTarget;
  gauge(leaving: Leaving, family: FamilyMetadata, merge: GaugeMerge): GaugeTarget;
  page(leaving: Leaving, family: FamilyMetadata): PageTarget;
  /** The histogram that a `_bucket` series belongs to. */
  buckets(leaving: Leaving, family: FamilyMetadata): BucketTarget;
  /** The `_count` beside a sum or a quantile. */
  countBeside(series: Series, family: FamilyMetadata): CounterTarget | undefined;
  /** Targets of another kind that have a series in common with this one, from before its type changed. */
  rivals(target: Target): Target[];
}

export function createTargetTable(): TargetTable {
  const dictionary = createSeriesDictionary();
  const byKey = new Map<string, Target>();

  function known(kind: Target["kind"], series: Leaving): Target[] {
    const target = byKey.get(keyOf(kind, series));
    return target ? [target] : [];
  }

  function find<T extends Target>(kind: T["kind"], leaving: Leaving, open: () => T): T {
    const key = keyOf(kind, leaving);
    const found = byKey.get(key);
    if (found) return found as T;
    const target = open();
    byKey.set(key, target);
    return target;
  }

  return {
    dictionary,
    byKey,
    counter: (leaving, family) => {
      const series = dictionary.intern(leaving.name, leaving.labels);
      return find<CounterTarget>("counter", series, () => ({
        kind: "counter",
        ...freshOutlet(family),
        series,
        endedGrowth: 0,
        live: new Set(),
        liveGrowth: 0,
      }));
    },
    gauge: (leaving, family, merge) => {
      const series = dictionary.intern(leaving.name, leaving.labels);
      const target = find<GaugeTarget>("gauge", series, () => ({
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
    page: (leaving, family) => {
      const series = dictionary.intern(leaving.name, leaving.labels);
      return find<PageTarget>("page", series, () => ({
        kind: "page",
        ...freshOutlet(family),
        series,
        newestMs: Number.NEGATIVE_INFINITY,
        value: Number.NaN,
        lastExemplar: undefined,
        session: undefined,
        shownAtMs: Number.NEGATIVE_INFINITY,
      }));
    },
    buckets: (leaving, family) => {
      const whole = dictionary.intern(leaving.name, withoutLabel(leaving.labels, "le"));
      return find<BucketTarget>("bucket", whole, () => ({
        kind: "bucket",
        ...freshOutlet(family),
        totals: createBucketTotals(),
        outlets: [],
      }));
    },
    countBeside: ({ labels }, family) => {
      const count = { name: `${family.name}_count`, labels: withoutLabel(labels, "quantile") };
      return byKey.get(keyOf("counter", count)) as CounterTarget | undefined;
    },
    rivals: (target) => {
      if (target.kind === "bucket") {
        return target.outlets.flatMap(({ series }) => SINGLE_KINDS.flatMap((kind) => known(kind, series)));
      }
      const { series, kind } = target;
      const whole = { name: series.name, labels: withoutLabel(series.labels, "le") };
      const isBound = whole.labels.length < series.labels.length;
      return [
        ...SINGLE_KINDS.filter((other) => other !== kind).flatMap((other) => known(other, series)),
        ...(isBound ? known("bucket", whole) : []),
      ];
    },
  };
}

const SINGLE_KINDS = ["counter", "gauge", "page"] as const;

function keyOf(kind: Target["kind"], { name, labels }: Leaving): string {
  return `${kind}\n${seriesKey(name, labels)}`;
}

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
  const series = table.dictionary.intern(leaving.name, leaving.labels);
  target.outlets.splice(index, 0, { series, emitted: false, firstValue });
}

function freshOutlet(
  family: FamilyMetadata,
): Pick<
  CounterTarget,
  "family" | "emitted" | "stale" | "owedSinceMs" | "touchedIn" | "touchedSinceMs" | "fedBy"
> {
  const untouched = { touchedIn: 0, touchedSinceMs: undefined, fedBy: undefined };
  return { family, emitted: false, stale: false, owedSinceMs: undefined, ...untouched };
}
