import { type Catalogue, sampleNames } from "@promferry/core/catalogue";
import type { ValueBounds } from "@promferry/core/series";
import type { Filter } from "./filter.ts";

/** By the name of a gauge, namespace included. */
export type GaugeBounds = Readonly<Record<string, ValueBounds>>;

/**
 * Keeps the values of a program's gauges within bounds: one beyond leaves as the bound. It is the merged value that is
 * kept, as it leaves. Scraped pages pass untouched, and so does every type but the gauge: a counter that stood still at
 * a bound would stop counting, and where a histogram's observations lay is told by its buckets.
 *
 * @throws {RangeError} A bound is no number, there is none, or `min` is above `max`.
 */
export function clampGauges(gauges: GaugeBounds): Filter {
  for (const [name, bounds] of Object.entries(gauges)) {
    const problem = boundsProblem(bounds);
    if (problem !== undefined) throw new RangeError(`bounds of ${name}: ${problem}`);
  }
  const known = new Map(Object.entries(gauges));
  return (series, { family, origin }) => {
    const bounds = origin === "app" && family.type === "gauge" ? known.get(family.name) : undefined;
    return bounds === undefined ? series : { name: series.name, labels: series.labels, bounds };
  };
}

/** What is wrong with a gauge's bounds; undefined where nothing is. */
export function boundsProblem({ min, max }: ValueBounds): string | undefined {
  if (min === undefined && max === undefined) return "expected min, max or both";
  if (Number.isNaN(min) || Number.isNaN(max)) return "expected a number";
  if (min !== undefined && max !== undefined && min > max) return `min ${min} is above max ${max}`;
  return undefined;
}

/** What is wrong with a name among the bounds, where a catalogue says what the program has; undefined where nothing is. */
export function noGauge(name: string, catalogue: Catalogue): string | undefined {
  const metric = catalogue.metrics.find((each) => sampleNames(each).includes(name));
  if (metric === undefined) return "no metric of the catalogue has this name";
  return metric.type === "gauge" ? undefined : `${metric.name} is a ${metric.type}: only gauges have bounds`;
}
