import {
  allowsValue,
  type Catalogue,
  type CatalogueMetric,
  OTHER_VALUE,
  sampleNames,
} from "@promferry/core/catalogue";
import type { Label } from "@promferry/core/series";
import type { Filter } from "./filter.ts";

/**
 * The first net: of a program's own telemetry only what its catalogue names passes. A metric that isn't
 * there is withheld, a label that isn't there is dropped, and a value that its label may not take becomes
 * `other`. Scraped pages (`origin=scrape`) pass untouched: they are no program's own telemetry.
 *
 * The cap of an open label is kept where values are recorded and not counted again here. Put this filter
 * before those that add labels.
 */
export function allowList(catalogue: Catalogue): Filter {
  const families = new Map(catalogue.metrics.map((metric) => [metric.name, allowMetric(metric)]));
  return (series, { family, origin }) => {
    if (origin !== "app") return series;
    const allowed = families.get(family.name);
    if (!allowed?.names.has(series.name)) return { withheld: "not in the catalogue" };
    return { name: series.name, labels: allowed.labels(series.labels) };
  };
}

/**
 * {@link allowList} where each session names its catalogue by digest, as frames do.
 *
 * A session that names none passes untouched: it gathered a plain registry, to which only the other
 * filters apply. One whose catalogue can't be found is withheld, and so is one whose info is lost: nobody
 * knows whether it named one.
 *
 * @param find Asked once for each digest.
 */
export function allowListBySession(find: (digest: string) => Catalogue | undefined): Filter {
  const filters = new Map<string, Filter>();
  return (series, context) => {
    const { catalog, lost } = context.session;
    if (context.origin !== "app") return series;
    if (lost) return { withheld: "the session's info is lost" };
    if (catalog === undefined) return series;
    let filter = filters.get(catalog);
    if (!filter) {
      const catalogue = find(catalog);
      filter = catalogue ? allowList(catalogue) : () => ({ withheld: `catalogue ${catalog} is missing` });
      filters.set(catalog, filter);
    }
    return filter(series, context);
  };
}

interface AllowedMetric {
  readonly names: ReadonlySet<string>;
  labels(labels: readonly Label[]): readonly Label[];
}

function allowMetric(metric: CatalogueMetric): AllowedMetric {
  const rules = new Map(Object.entries(metric.labels).map(([name, rule]) => [name, allowsValue(rule)]));
  if (metric.type === "histogram")
    rules.set("le", (bound) => bound === "+Inf" || Number.isFinite(Number(bound)));
  return {
    names: new Set(sampleNames(metric)),
    labels: (labels) =>
      labels.flatMap(({ name, value }) => {
        const allows = rules.get(name);
        if (!allows) return [];
        return [{ name, value: allows(value) ? value : OTHER_VALUE }];
      }),
  };
}
