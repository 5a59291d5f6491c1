import type { Exemplar, Label, MetricFamily, MetricType, Series } from "../series/series.ts";
import { openMetricsClaims, openMetricsSuffix } from "./openmetrics-suffixes.ts";

/** One sample on its way into an OpenMetrics page. */
export interface PlannedSample {
  /** As it will stand there: a counter's ends in `_total`. */
  readonly name: string;
  readonly series: Series;
  readonly value: number;
  readonly timestampMs: number;
  readonly exemplar: Exemplar | undefined;
}

export interface PlannedFamily {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly unit: string;
  readonly samples: PlannedSample[];
  /** Position of the first family that went in. */
  readonly order: number;
}

interface Place {
  readonly base: string;
  readonly type: MetricType;
  readonly name: string;
}

interface Plan {
  readonly families: Map<string, PlannedFamily>;
  /** Families beside those, of a name that is taken: they break the rules and lose no sample. */
  readonly surplus: Map<string, PlannedFamily>;
  /** Sample names that a planned family keeps from others. */
  readonly claimed: Map<string, PlannedFamily>;
}

/**
 * Sorts samples into families that OpenMetrics allows.
 *
 * Where two families' sample names would clash, as a counter `a_total` and a gauge `a` do, the one
 * with suffixes gives way and its samples become `unknown` metrics of their own names. `x_created`
 * joins the counter, histogram or summary `x`.
 */
export function planOpenMetrics(families: readonly MetricFamily[]): PlannedFamily[] {
  const plan: Plan = { families: new Map(), surplus: new Map(), claimed: new Map() };
  const plainNames = new Set<string>();
  for (const family of families) {
    if (hasSuffixes(family.type)) continue;
    plainNames.add(family.name);
    for (const series of family.series) plainNames.add(series.name);
  }
  // Families with suffixes first: what is plain may join them.
  for (const suffixed of [true, false]) {
    families.forEach((family, order) => {
      if (hasSuffixes(family.type) === suffixed) planFamily(plan, family, order, plainNames);
    });
  }
  return [...plan.families.values(), ...plan.surplus.values()].sort((a, b) => a.order - b.order);
}

function hasSuffixes(type: MetricType): boolean {
  return type !== "gauge" && type !== "unknown" && type !== "stateset";
}

function planFamily(plan: Plan, family: MetricFamily, order: number, plainNames: ReadonlySet<string>): void {
  if (family.series.length === 0) {
    const base = family.type === "counter" ? withoutSuffix(family.name, "_total") : family.name;
    familyAt(plan, { base, type: family.type, name: base }, family, order, plainNames);
  }
  for (let i = 0; i < family.series.length; i++) {
    if (family.special?.has(i)) continue;
    const series = family.series[i]!;
    const value = family.values[i]!;
    const place = placeOf(family, series, value);
    const planned = familyAt(plan, place, family, order, plainNames);
    const inPlace = planned?.name === place.base && planned.type === place.type;
    const home = planned ?? unknownAt(plan, series.name, family, order);
    home.samples.push({
      name: inPlace ? place.name : series.name,
      series,
      value,
      timestampMs: family.timestampsMs[i]!,
      exemplar: family.exemplars?.get(i)?.at(-1),
    });
  }
}

/** Family, type and name of a sample in OpenMetrics, clashes aside. */
function placeOf(family: MetricFamily, series: Series, value: number): Place {
  const { name, type } = family;
  const sample = series.name;
  const unknown: Place = { base: sample, type: "unknown", name: sample };
  switch (type) {
    case "counter": {
      const base = withoutSuffix(name, "_total");
      if (sample === name || sample === `${base}_total`) return { base, type, name: `${base}_total` };
      if (sample === `${base}_created` || sample === `${name}_created`) {
        return { base, type, name: `${base}_created` };
      }
      return unknown;
    }
    case "info": {
      const base = sample === name ? withoutSuffix(name, "_info") : name;
      return sample === `${base}_info` && value === 1 ? { base, type, name: sample } : unknown;
    }
    case "stateset": {
      const isState = sample === name && (value === 0 || value === 1) && hasLabel(series.labels, name);
      return isState ? { base: name, type, name } : sample === name ? { ...unknown, type: "gauge" } : unknown;
    }
    default: {
      const suffix = openMetricsSuffix(name, type, sample);
      if (suffix === undefined) return unknown;
      const own = suffix === "_bucket" ? "le" : type === "summary" && suffix === "" ? "quantile" : undefined;
      return own !== undefined && !hasLabel(series.labels, own)
        ? unknown
        : { base: name, type, name: sample };
    }
  }
}

/** The planned family for a place; undefined where its names are taken. */
function familyAt(
  plan: Plan,
  { base, type }: Place,
  source: MetricFamily,
  order: number,
  plainNames: ReadonlySet<string>,
): PlannedFamily | undefined {
  const known = plan.families.get(base);
  if (known?.type === type) return known;
  const claims = openMetricsClaims(base, type);
  const joins = base.endsWith("_created") ? plan.claimed.get(base) : undefined;
  if (!hasSuffixes(type) && joins && openMetricsSuffix(joins.name, joins.type, base) !== undefined)
    return joins;
  const clashes = claims.some(
    (claim) =>
      plan.claimed.has(claim) || (hasSuffixes(type) && plainNames.has(claim) && claim !== `${base}_created`),
  );
  if (known || clashes) return undefined;
  const unit = type === "info" || type === "stateset" ? "" : source.unit;
  const planned: PlannedFamily = {
    name: base,
    type,
    help: source.help,
    unit: base.endsWith(`_${unit}`) ? unit : "",
    samples: [],
    order,
  };
  plan.families.set(base, planned);
  for (const claim of claims) plan.claimed.set(claim, planned);
  return planned;
}

/** A family of the sample's own name, whatever else claims it. */
function unknownAt(plan: Plan, name: string, source: MetricFamily, order: number): PlannedFamily {
  const owner = plan.families.get(name);
  const families = owner && owner.type !== "unknown" ? plan.surplus : plan.families;
  const known = families.get(name);
  if (known) return known;
  const planned: PlannedFamily = { name, type: "unknown", help: source.help, unit: "", samples: [], order };
  families.set(name, planned);
  if (!plan.claimed.has(name)) plan.claimed.set(name, planned);
  return planned;
}

function hasLabel(labels: readonly Label[], name: string): boolean {
  return labels.some((label) => label.name === name);
}

function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) && name.length > suffix.length ? name.slice(0, -suffix.length) : name;
}
