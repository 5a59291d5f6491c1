import type { Filter } from "./filter.ts";

/** Labels that name a user's infrastructure. */
export const DENIED_LABELS: readonly string[] = [
  "cluster_name",
  "namespace",
  "resource_name",
  "node_name",
  "context",
];

/**
 * The second net: these labels are dropped from a program's own telemetry, whatever its catalogue says.
 * Series that differed by them alone merge. Scraped pages pass untouched.
 *
 * @param names Default {@link DENIED_LABELS}.
 */
export function denyList(names: readonly string[] = DENIED_LABELS): Filter {
  const denied = new Set(names);
  return (series, { origin }) => {
    if (origin !== "app" || !series.labels.some(({ name }) => denied.has(name))) return series;
    return { name: series.name, labels: series.labels.filter(({ name }) => !denied.has(name)) };
  };
}
