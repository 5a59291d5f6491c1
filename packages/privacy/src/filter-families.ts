import type { FrameOrigin, GaugeRule, SessionInfo } from "@promferry/core/journal";
import {
  createSeriesDictionary,
  type MetricFamily,
  pickRows,
  type Series,
  type SeriesDictionary,
  type ValueBounds,
  withinBounds,
} from "@promferry/core/series";
import type { Filter } from "./filter.ts";

export interface FilterFamiliesOptions {
  readonly origin: FrameOrigin;
  /** Its `gauges` say how a gauge's series combine when a label is dropped. */
  readonly session: SessionInfo;
  /** Interns the series that leave. Default: a new one each time. */
  readonly dictionary?: SeriesDictionary;
}

export interface FilteredFamilies {
  /** Without families that lost all their series. */
  readonly families: readonly MetricFamily[];
  /** Series that stay, by reason. */
  readonly withheld: readonly { readonly reason: string; readonly series: number }[];
}

/**
 * The gate before a frame is written: applies a filter to what a program gathered.
 *
 * Series that become equal are merged: counters, buckets, sums and counts add up; gauges follow their
 * `labels` rule and are withheld where they have none, as everything else is that has no meaning in
 * common. A gauge's bounds hold for what is merged. A filter may not rename here. Exemplars of a program are dropped: their labels stand in no
 * catalogue.
 */
export function filterFamilies(
  families: readonly MetricFamily[],
  filter: Filter,
  options: FilterFamiliesOptions,
): FilteredFamilies {
  const { origin, session, dictionary = createSeriesDictionary() } = options;
  const withheld = new Map<string, number>();
  const withhold = (reason: string, count: number) =>
    withheld.set(reason, (withheld.get(reason) ?? 0) + count);
  const filtered: MetricFamily[] = [];
  for (const family of families) {
    const rowsBySeries = new Map<Series, number[]>();
    let { help } = family;
    let bounds: ValueBounds | undefined;
    for (const [row, series] of family.series.entries()) {
      const projected = filter(series, { family, origin, session });
      if (origin === "app" && family.special?.has(row)) withhold("no number, and so without a total", 1);
      else if ("withheld" in projected) withhold(projected.withheld, 1);
      else if (projected.name !== series.name) withhold("renamed before it was written", 1);
      else {
        help = projected.help ?? help;
        bounds = projected.bounds ?? bounds;
        const target = dictionary.intern(projected.name, projected.labels);
        const rows = rowsBySeries.get(target);
        if (rows) rows.push(row);
        else rowsBySeries.set(target, [row]);
      }
    }
    const merged = mergeRows(
      { ...family, help },
      rowsBySeries,
      session.gauges?.[family.name]?.labels,
      withhold,
    );
    const kept = family.type === "gauge" && bounds ? clamped(merged, bounds) : merged;
    if (kept.series.length > 0) filtered.push(origin === "app" ? kept : withRows(kept, family, rowsBySeries));
  }
  return { families: filtered, withheld: Array.from(withheld, ([reason, series]) => ({ reason, series })) };
}

function mergeRows(
  family: MetricFamily,
  rowsBySeries: ReadonlyMap<Series, readonly number[]>,
  rule: GaugeRule | undefined,
  withhold: (reason: string, count: number) => void,
): MetricFamily {
  const { name, type, help, unit } = family;
  const series: Series[] = [];
  const values: number[] = [];
  const timestampsMs: number[] = [];
  for (const [target, rows] of rowsBySeries) {
    const merges = rows.length > 1;
    const combine = merges ? combination(family, target, rule, rows) : first;
    if (typeof combine === "string") {
      withhold(combine, rows.length);
      continue;
    }
    const value = combine(rows.map((row) => family.values[row]!));
    if (value === undefined) {
      withhold(`gauge ${name} says omit`, rows.length);
      continue;
    }
    series.push(target);
    values.push(value);
    timestampsMs.push(family.timestampsMs[rows[0]!]!);
  }
  return { name, type, help, unit, series, values, timestampsMs };
}

function clamped(family: MetricFamily, bounds: ValueBounds): MetricFamily {
  return { ...family, values: Array.from(family.values, (value) => withinBounds(value, bounds)) };
}

type Combine = (values: readonly number[]) => number | undefined;

/** How rows of one series combine, or why they can't. */
function combination(
  family: MetricFamily,
  target: Series,
  rule: GaugeRule | undefined,
  rows: readonly number[],
): Combine | string {
  if (rows.some((row) => family.special?.has(row)))
    return `${family.type} ${family.name}: native histograms of merged series are not added up`;
  if (family.type === "counter" || family.type === "histogram") return sum;
  if (family.type === "summary") {
    return target.name === family.name
      ? `summary ${family.name}: quantiles of merged series have no value`
      : sum;
  }
  if (family.type !== "gauge" || rule === undefined) {
    return `${family.type} ${family.name}: several of its series become one, and no across.labels says how`;
  }
  return gaugeRules[rule];
}

const first: Combine = (values) => values[0];
const sum: Combine = (values) => values.reduce((total, value) => total + value, 0);

/** Rows of one gathering have no order in time: the latest is the last. */
const gaugeRules: Readonly<Record<GaugeRule, Combine>> = {
  latest: (values) => values.at(-1),
  first,
  sum,
  min: (values) => values.reduce((least, value) => Math.min(least, value)),
  max: (values) => values.reduce((most, value) => Math.max(most, value)),
  average: (values) => sum(values)! / values.length,
  omit: () => undefined,
};

/** What else belongs to the first of a series' rows. */
function withRows(
  kept: MetricFamily,
  family: MetricFamily,
  rowsBySeries: ReadonlyMap<Series, readonly number[]>,
): MetricFamily {
  const rows = kept.series.map((series) => rowsBySeries.get(series)![0]!);
  const { exemplars, special, startsMs } = pickRows(family, rows);
  return {
    ...kept,
    ...(exemplars && { exemplars }),
    ...(special && { special }),
    ...(startsMs && { startsMs }),
  };
}
