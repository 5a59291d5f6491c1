import type { GaugeMerge, GaugeRule } from "../journal/frame.ts";
import type { Catalogue } from "./catalogue.ts";
import type { ReadableRegistry } from "./gather.ts";

/**
 * How the gauges of a plain prom-client registry combine over sessions, by family name: their
 * `aggregator`, as prom-client uses it to combine the workers of a cluster.
 *
 * `sum` is prom-client's default and cannot be told from saying nothing, so it is left out and the
 * default of {@link GaugeMerge} applies (`latest`). Whoever means `sum` says so in a catalogue. An
 * aggregator that prom-client doesn't know is left out too.
 */
export function gaugeRules(registry: ReadableRegistry): Readonly<Record<string, GaugeMerge>> {
  const rules: Record<string, GaugeMerge> = {};
  const metrics = registry.getMetricsAsArray() as readonly {
    name: string;
    type: string;
    aggregator?: string;
  }[];
  for (const { name, type, aggregator } of metrics) {
    const rule = aggregator === undefined ? undefined : stated[aggregator];
    if (type === "gauge" && rule !== undefined) rules[name] = { sessions: rule };
  }
  return rules;
}

/** How the gauges of a catalogue combine, by family name: what each states as `across` or `merge`. */
export function catalogueGaugeRules(catalogue: Catalogue): Readonly<Record<string, GaugeMerge>> {
  const rules: Record<string, GaugeMerge> = {};
  for (const { name, across } of catalogue.metrics) if (across) rules[name] = across;
  return rules;
}

const stated: Readonly<Record<string, GaugeRule>> = {
  min: "min",
  max: "max",
  average: "average",
  first: "first",
  omit: "omit",
};
