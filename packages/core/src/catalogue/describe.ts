import type { Catalogue, CatalogueLabel, CatalogueMetric } from "./catalogue.ts";
import type { LabelRule, MetricDefinition } from "./definition.ts";

/** prom-client's own, 5 ms to 10 s for durations in seconds. */
const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The catalogue's own metric: what instrumentation could not record as given. */
export function droppedSeriesMetric(namespace: string): CatalogueMetric {
  return {
    name: `${namespace}_dropped_series_total`,
    type: "counter",
    help: "Label values and observations that were not recorded as given, by reason.",
    why: "Shows that the catalogue and the program disagree, without saying what the values were.",
    labels: {
      reason: { kind: "closed", values: ["unknown_value", "overflow", "bad_label", "bad_value", "error"] },
    },
  };
}

/** The definitions as a catalogue, and each key's metric. Says nothing yet about whether it is valid. */
export function describeMetrics<K extends string>(
  namespace: string,
  definitions: Readonly<Record<K, MetricDefinition>>,
): { readonly catalogue: Catalogue; readonly byKey: ReadonlyMap<K, CatalogueMetric> } {
  const byKey = new Map<K, CatalogueMetric>();
  for (const [key, definition] of Object.entries(definitions) as [K, MetricDefinition][]) {
    byKey.set(key, describeMetric(namespace, definition));
  }
  const metrics = [...byKey.values(), droppedSeriesMetric(namespace)];
  metrics.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { catalogue: { v: 1, namespace, metrics }, byKey };
}

function describeMetric(namespace: string, definition: MetricDefinition): CatalogueMetric {
  const { type, help, why = "" } = definition;
  const labels: Record<string, CatalogueLabel> = {};
  for (const [name, rule] of Object.entries(definition.labels ?? {})) labels[name] = describeRule(rule);
  const metric = { name: `${namespace}_${definition.name}`, type, help, why, labels };
  if (definition.type === "histogram") {
    return { ...metric, buckets: [...(definition.buckets ?? DEFAULT_BUCKETS)] };
  }
  if (definition.type === "gauge" && definition.across) return { ...metric, across: definition.across };
  return metric;
}

function describeRule(rule: LabelRule): CatalogueLabel {
  return "kind" in rule ? { ...rule } : { kind: "closed", values: [...rule] };
}
