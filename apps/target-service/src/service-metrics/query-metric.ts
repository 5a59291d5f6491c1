import { TARGET_LABELS } from "@promferry/target-registry/render";
import type {
  AskOptions,
  PrometheusAnswer,
  PrometheusClient,
  TimeRange,
} from "../prometheus/prometheus-client.ts";
import type { MetricDefinition, Unit } from "./metric-catalogue.ts";
import type { Terms } from "./promql.ts";

/**
 * - `ok`: every instance that has such an endpoint answers.
 * - `partial`: some of them do; the values are theirs alone.
 * - `stale`: none does now; the values are of an earlier time in the range.
 * - `no_data`: nothing in the range.
 */
export type MetricStatus = "ok" | "partial" | "stale" | "no_data";

export interface MetricAnswer {
  readonly unit: Unit;
  readonly status: MetricStatus;
  /** Time of the newest sample behind it, RFC 3339. */
  readonly as_of: string | null;
  /** At the end of the range. */
  readonly instances: { readonly answered: number; readonly expected: number };
  readonly series: readonly MetricSeries[];
  /** What Prometheus says is missing. */
  readonly warnings: readonly string[];
}

export interface MetricSeries {
  /** Empty but for series by container. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of a total: its growth over the range. Else the newest value. */
  readonly value: number | null;
  /** Of a total: its growth in the step that ends there. Where there was no data there is no point. */
  readonly points: readonly (readonly [atMs: number, value: number])[];
}

export interface MetricQuestion {
  readonly metric: MetricDefinition;
  readonly terms: Terms;
  /** The last point is at `toMs`. */
  readonly range: TimeRange;
  /** Ids of the instances that should answer. */
  readonly expected: ReadonlySet<string>;
  /** Asked before each query. */
  readonly ask: () => AskOptions;
}

/** Recorded values are as old as the last evaluation, which is each minute where nothing else is configured. */
const EVALUATION_MS = 60_000;

/** How old a sample may be and still count as an answer, in milliseconds. */
export function freshnessMs(terms: Terms): number {
  return terms.windowSeconds * 1_000 + EVALUATION_MS;
}

/** Instances that Prometheus knows as targets at an instant, up or down. */
export async function targetsAt(
  client: PrometheusClient,
  terms: Terms,
  endpoint: string,
  atMs: number,
  ask: AskOptions,
): Promise<readonly string[]> {
  const up = terms.scraped(endpoint, "up");
  const { series } = await client.query(`max by (${TARGET_LABELS.instance}) (${up})`, atMs, ask);
  return series.map(({ labels }) => labels[TARGET_LABELS.instance] ?? "");
}

/** Asks for one metric: its values, and which instances they come from. */
export async function queryMetric(
  client: PrometheusClient,
  { metric, terms, range, expected, ask }: MetricQuestion,
): Promise<MetricAnswer> {
  const selectors = metric.presence(terms).map((selector) => `timestamp(${selector})`);
  const presence = `max by (${TARGET_LABELS.instance}) (${selectors.join(" or ")})`;
  const [seen, points, totals] = await Promise.all([
    client.query(presence, range.toMs, ask()),
    client.queryRange(pointsOf(metric, terms, range), range, ask()),
    metric.total === undefined
      ? undefined
      : client.query(metric.total(terms, `${range.toMs - range.fromMs}ms`), range.toMs, ask()),
  ]);
  const series = joinSeries(metric, points, totals);
  const times = seen.series
    .map(({ labels, points: [point] }) => ({
      id: labels[TARGET_LABELS.instance] ?? "",
      atMs: Math.round((point?.[1] ?? 0) * 1_000),
    }))
    .filter(({ atMs }) => atMs >= range.toMs - freshnessMs(terms));
  const answered = times.length;
  const instances = { answered, expected: new Set([...expected, ...times.map(({ id }) => id)]).size };
  const latest = answered > 0 ? times.map(({ atMs }) => atMs) : series.flatMap(lastTime);
  return {
    unit: metric.unit,
    status: statusOf(series, instances),
    as_of:
      series.length === 0 || latest.length === 0
        ? null
        : new Date(latest.reduce((a, b) => Math.max(a, b))).toISOString(),
    instances,
    series,
    warnings: [...new Set([...seen.warnings, ...points.warnings, ...(totals?.warnings ?? [])])],
  };
}

function statusOf(series: readonly MetricSeries[], instances: MetricAnswer["instances"]): MetricStatus {
  if (series.length === 0) return "no_data";
  if (instances.answered === 0) return "stale";
  return instances.answered < instances.expected ? "partial" : "ok";
}

/** A total is shown step by step; a step that is shorter than the window of rates takes its share of that. */
function pointsOf(metric: MetricDefinition, terms: Terms, { stepMs }: TimeRange): string {
  if (metric.total === undefined) return metric.value?.(terms) ?? "";
  const windowMs = Math.max(stepMs, terms.windowSeconds * 1_000);
  const growth = metric.total(terms, `${windowMs}ms`);
  return windowMs === stepMs ? growth : `${growth} * ${stepMs / windowMs}`;
}

function joinSeries(
  metric: MetricDefinition,
  points: PrometheusAnswer,
  totals: PrometheusAnswer | undefined,
): readonly MetricSeries[] {
  const { by } = metric;
  const keyOf = (labels: Readonly<Record<string, string>>): string =>
    by === undefined ? "" : (labels[by.label] ?? "");
  const byKey = new Map<string, { value: number | null; points: MetricSeries["points"] }>();
  for (const { labels, points: list } of points.series) {
    if (list.length === 0) continue;
    byKey.set(keyOf(labels), { value: totals === undefined ? list.at(-1)![1] : null, points: list });
  }
  for (const { labels, points: list } of totals?.series ?? []) {
    const value = list[0]?.[1];
    if (value === undefined) continue;
    byKey.set(keyOf(labels), { value, points: byKey.get(keyOf(labels))?.points ?? [] });
  }
  return [...byKey]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, entry]) => ({ labels: by === undefined ? {} : { [by.as]: key }, ...entry }));
}

function lastTime({ points }: MetricSeries): number[] {
  const last = points.at(-1);
  return last === undefined ? [] : [last[0]];
}
