import { type Catalogue, type CatalogueLabel, OTHER_VALUE } from "@promferry/core/catalogue";
import type { SessionInfo } from "@promferry/core/journal";
import type { AdmittedValues, ProjectionMemory } from "@promferry/core/merge";
import type { Label } from "@promferry/core/series";
import type { Filter } from "./filter.ts";

export interface LabelCapOptions {
  /** Different values of each label of a metric that pass, a whole number of at least 1. Default 100. */
  readonly max?: number;
  /**
   * What says which labels a metric of a session has: one with a closed list of values needs no cap, and the smaller
   * number holds where an open one or a pattern has its own. Asked once for each digest. Default: nothing is known.
   */
  readonly catalogueOf?: (session: SessionInfo) => Catalogue | undefined;
}

/** A label of which values became `other`. */
export interface CappedLabel {
  readonly metric: string;
  readonly label: string;
  /** Values that pass. */
  readonly max: number;
}

export interface LabelCap {
  readonly filter: Filter;
  /** The values that pass. What they were at a destination has to be kept for it. */
  readonly memory: ProjectionMemory;
  /** Labels of which a value became `other` since the last `recall`. */
  capped(): readonly CappedLabel[];
}

/** Default of {@link LabelCapOptions.max}. */
export const MAX_LABEL_VALUES = 100;

/**
 * Of each label of a program's metric, lets the first values through that come, and makes `other` of all that come
 * after them: the first stay admitted, whatever comes later and in which order. A histogram's `le` and a summary's
 * `quantile` are bounds and no values. Scraped pages pass untouched.
 *
 * Put the filter behind those that take values away, which then take no place, and before those that add labels.
 *
 * @throws {RangeError} `max` is no whole number of at least 1.
 */
export function createLabelCap(options: LabelCapOptions = {}): LabelCap {
  const { max = MAX_LABEL_VALUES } = options;
  if (!(Number.isSafeInteger(max) && max >= 1)) {
    throw new RangeError(`label cap: expected a whole number of at least 1, got ${max}`);
  }
  const limitOf = limits(max, options.catalogueOf);
  /** By metric and label, each value with its place. */
  const places = new Map<string, Map<string, Map<string, number>>>();
  const capped = new Map<string, CappedLabel>();
  let kept: AdmittedValues | undefined;

  function admits(metric: string, { name, value }: Label, limit: number): boolean {
    const ofMetric = places.get(metric) ?? new Map<string, Map<string, number>>();
    const ofLabel = ofMetric.get(name) ?? new Map<string, number>();
    const place = ofLabel.get(value) ?? ofLabel.size;
    if (place >= limit) {
      capped.set(`${metric} ${name}`, { metric, label: name, max: limit });
      return false;
    }
    if (place < ofLabel.size) return true;
    places.set(metric, ofMetric.set(name, ofLabel.set(value, place)));
    kept = undefined;
    return true;
  }

  return {
    filter(series, { family, origin, session }) {
      if (origin !== "app") return series;
      let labels: Label[] | undefined;
      for (let i = 0; i < series.labels.length; i++) {
        const label = series.labels[i]!;
        const { name, value } = label;
        if (value === OTHER_VALUE || name === BOUNDS[family.type]) continue;
        const limit = limitOf(session, family.name, name);
        if (limit === undefined || admits(family.name, label, limit)) continue;
        labels ??= [...series.labels];
        labels[i] = { name, value: OTHER_VALUE };
      }
      return labels === undefined ? series : { name: series.name, labels };
    },
    memory: {
      recall(stored = {}) {
        places.clear();
        capped.clear();
        for (const [metric, labels] of Object.entries(stored)) {
          const ofMetric = Object.entries(labels).map(
            ([label, values]) => [label, new Map(values.map((value, place) => [value, place]))] as const,
          );
          places.set(metric, new Map(ofMetric));
        }
        kept = stored;
      },
      kept() {
        kept ??= Object.fromEntries(
          Array.from(places, ([metric, labels]) => [
            metric,
            Object.fromEntries(Array.from(labels, ([label, values]) => [label, [...values.keys()]])),
          ]),
        );
        return kept;
      },
    },
    capped: () => [...capped.values()],
  };
}

const BOUNDS: Readonly<Record<string, string>> = { histogram: "le", summary: "quantile" };

/** @returns How many values of a label pass; undefined where all do. */
function limits(
  max: number,
  catalogueOf: LabelCapOptions["catalogueOf"],
): (session: SessionInfo, metric: string, label: string) => number | undefined {
  if (catalogueOf === undefined) return () => max;
  type Rules = ReadonlyMap<string, Readonly<Record<string, CatalogueLabel>>>;
  const byDigest = new Map<string | undefined, Rules>();
  return (session, metric, label) => {
    const { catalog } = session;
    let rules = byDigest.get(catalog);
    if (!rules) {
      const { metrics = [] } = catalogueOf(session) ?? {};
      rules = new Map(metrics.map(({ name, labels }) => [name, labels]));
      byDigest.set(catalog, rules);
    }
    const labels = rules.get(metric);
    const rule = labels && Object.hasOwn(labels, label) ? labels[label] : undefined;
    if (rule === undefined) return max;
    return rule.kind === "closed" ? undefined : Math.min(max, rule.max);
  };
}
