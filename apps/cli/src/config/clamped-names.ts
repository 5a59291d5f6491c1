import type { Catalogue } from "@promferry/core/catalogue";
import { noGauge } from "@promferry/privacy";
import { nearest } from "./nearest.ts";
import type { MetricsConfig } from "./schema.ts";

/** Names of `metrics.clamp` that are no gauges of the catalogue, with what is wrong. */
export function misnamedGauges(
  { clamp }: Pick<MetricsConfig, "clamp">,
  catalogue: Catalogue,
): { readonly name: string; readonly message: string }[] {
  const gauges = catalogue.metrics.filter(({ type }) => type === "gauge").map(({ name }) => name);
  return Object.keys(clamp).flatMap((name) => {
    const problem = noGauge(name, catalogue);
    if (problem === undefined) return [];
    const guess = nearest(name, gauges);
    return [{ name, message: `${name} has no effect: ${problem}${guess ? `; did you mean ${guess}?` : ""}` }];
  });
}

/** A gauge's bounds, as they are told. */
export function boundsInWords({ min, max }: MetricsConfig["clamp"][string]): string {
  const words = [
    ...(min === undefined ? [] : [`below ${min} leave as ${min}`]),
    ...(max === undefined ? [] : [`above ${max} leave as ${max}`]),
  ];
  return `values ${words.join(", ")} (metrics.clamp)`;
}
