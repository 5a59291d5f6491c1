import type { FrameOrigin, GaugeRule, SessionInfo } from "@promferry/core/journal";
import {
  type Label,
  type MetricFamily,
  type MetricType,
  seriesKey,
  type ValueBounds,
  withinBounds,
} from "@promferry/core/series";
import type { Filter } from "./filter.ts";

/** What a filter makes of one metric's series. */
export interface ExplainedMetric {
  readonly name: string;
  readonly type: MetricType;
  readonly origin: FrameOrigin;
  /** Series that it has, over all sessions. */
  readonly series: number;
  /** Series that leave. */
  readonly leaves: number;
  /** Sample names under which they leave, where those are not their own. */
  readonly renamed: readonly string[];
  readonly labels: {
    readonly dropped: readonly string[];
    readonly added: readonly string[];
    /** Those of which a value became another one. */
    readonly changed: readonly string[];
  };
  /** What its values are kept between as they leave, and samples that lie beyond; absent where nothing is said. */
  readonly clamped?: ValueBounds & { readonly samples: number };
  /** Whether its HELP text is another one, or none. */
  readonly helpChanged: boolean;
  /** Series that stay, by reason. */
  readonly stays: readonly { readonly reason: string; readonly series: number }[];
  /** Series of one session that become equal; absent where none do. */
  readonly merges?: { readonly series: number; readonly into: number; readonly how: string };
}

export interface ExplainedFrame {
  readonly session: string;
  readonly origin: FrameOrigin;
  readonly info: SessionInfo;
  readonly families: readonly MetricFamily[];
}

export interface Explainer {
  /** Takes what one frame has; series of a session that were seen before cost nothing. */
  add(frame: ExplainedFrame): void;
  /** In order of first appearance. */
  metrics(): readonly ExplainedMetric[];
}

/** Applies a filter to what a journal has, and remembers what becomes of it. Nothing leaves. */
export function createExplainer(filter: Filter): Explainer {
  const metrics = new Map<string, Metric>();
  const seen = new Map<string, Set<string>>();
  return {
    add({ session, origin, info, families }) {
      const known = seen.get(session) ?? new Set();
      seen.set(session, known);
      for (const family of families) {
        const metric = metricOf(metrics, family, origin);
        for (const [row, series] of family.series.entries()) {
          const source = seriesKey(series.name, series.labels);
          if (known.has(source)) {
            noteValue(metric, family.values[row]!);
            continue;
          }
          known.add(source);
          metric.sources.add(source);
          const projected = filter(series, { family, origin, session: info });
          if ("withheld" in projected) {
            addTo(metric.stays, projected.withheld, source);
            continue;
          }
          metric.bounds = projected.bounds ?? metric.bounds;
          noteValue(metric, family.values[row]!);
          const target = seriesKey(projected.name, projected.labels);
          metric.targets.add(target);
          if (projected.help !== undefined && projected.help !== family.help) metric.helpChanged = true;
          if (projected.name !== series.name) metric.renamed.add(projected.name);
          compareLabels(metric, series.labels, projected.labels);
          noteTarget(metric, session, target, info.gauges?.[family.name]?.labels);
        }
      }
    },
    metrics: () => Array.from(metrics.values(), explained),
  };
}

interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly origin: FrameOrigin;
  readonly sources: Set<string>;
  readonly targets: Set<string>;
  readonly renamed: Set<string>;
  readonly dropped: Set<string>;
  readonly added: Set<string>;
  readonly changed: Set<string>;
  bounds: ValueBounds | undefined;
  /** Samples that lie beyond. */
  beyond: number;
  helpChanged: boolean;
  readonly stays: Map<string, Set<string>>;
  /** By session and target: how many of the session's series it takes. */
  readonly into: Map<string, number>;
  rule: GaugeRule | undefined;
}

function metricOf(metrics: Map<string, Metric>, { name, type }: MetricFamily, origin: FrameOrigin): Metric {
  const key = `${origin} ${name}`;
  let metric = metrics.get(key);
  if (!metric) {
    metric = {
      name,
      type,
      origin,
      sources: new Set(),
      targets: new Set(),
      renamed: new Set(),
      dropped: new Set(),
      added: new Set(),
      changed: new Set(),
      bounds: undefined,
      beyond: 0,
      helpChanged: false,
      stays: new Map(),
      into: new Map(),
      rule: undefined,
    };
    metrics.set(key, metric);
  }
  return metric;
}

function noteValue(metric: Metric, value: number): void {
  if (metric.bounds && !Object.is(withinBounds(value, metric.bounds), value)) metric.beyond++;
}

function noteTarget(metric: Metric, session: string, target: string, rule: GaugeRule | undefined): void {
  const key = `${session} ${target}`;
  metric.into.set(key, (metric.into.get(key) ?? 0) + 1);
  metric.rule = rule ?? metric.rule;
}

function compareLabels(metric: Metric, before: readonly Label[], after: readonly Label[]): void {
  const left = new Map(after.map(({ name, value }) => [name, value]));
  for (const { name, value } of before) {
    const now = left.get(name);
    if (now === undefined) metric.dropped.add(name);
    else if (now !== value) metric.changed.add(name);
    left.delete(name);
  }
  for (const name of left.keys()) metric.added.add(name);
}

function addTo(reasons: Map<string, Set<string>>, reason: string, source: string): void {
  const known = reasons.get(reason);
  if (known) known.add(source);
  else reasons.set(reason, new Set([source]));
}

function explained(metric: Metric): ExplainedMetric {
  const { name, type, origin, bounds, beyond, helpChanged } = metric;
  const merged = [...metric.into.values()].filter((count) => count > 1);
  const series = merged.reduce((sum, count) => sum + count, 0);
  return {
    name,
    type,
    origin,
    series: metric.sources.size,
    leaves: metric.targets.size - (isUnmergeable(metric) ? mergedTargets(metric).size : 0),
    renamed: [...metric.renamed],
    labels: { dropped: [...metric.dropped], added: [...metric.added], changed: [...metric.changed] },
    ...(bounds && { clamped: { ...bounds, samples: beyond } }),
    helpChanged,
    stays: Array.from(metric.stays, ([reason, { size }]) => ({ reason, series: size })),
    ...(series > 0 && { merges: { series, into: merged.length, how: howMerged(metric) } }),
  };
}

/** Targets that take several series of one session. */
function mergedTargets({ into }: Metric): ReadonlySet<string> {
  const merged = [...into].filter(([, count]) => count > 1);
  return new Set(merged.map(([key]) => key.slice(key.indexOf(" ") + 1)));
}

function isUnmergeable({ type, origin, rule }: Metric): boolean {
  const addsUp = type === "counter" || type === "histogram" || type === "summary";
  return origin === "app" && !addsUp && rule === undefined;
}

/** As the totals do it. */
function howMerged({ type, origin, rule }: Metric): string {
  if (origin === "scrape") return "one of them at each instant: scraped series are not added up";
  if (type === "counter" || type === "histogram") return "added up";
  if (type === "summary") return "sums and counts are added up, quantiles stay here";
  return rule === undefined ? "stays here: no across.labels says how" : `across.labels: ${rule}`;
}
