import type { FamilyMetadata, Label, Series } from "../series/series.ts";

/** How a series behaves over time: it counts up, counts up below a bound, or merely has a value. */
export type SeriesShape = "counter" | "count" | "bucket" | "gauge";

/** The shape that type and suffix give a series; `count` is the `_count` that tells of a reset. */
export function shapeOf(series: Pick<Series, "name">, family: FamilyMetadata): SeriesShape {
  switch (family.type) {
    case "counter":
      return series.name.endsWith("_created") ? "gauge" : "counter";
    case "histogram":
    case "summary":
      if (series.name === `${family.name}_count`) return "count";
      if (series.name === `${family.name}_sum`) return "counter";
      return series.name === `${family.name}_bucket` ? "bucket" : "gauge";
    default:
      return "gauge";
  }
}

/** The upper bound that the label `le` gives, or `undefined` where it is missing or no number. */
export function boundOf(labels: readonly Label[]): number | undefined {
  const le = labels.find((label) => label.name === "le")?.value;
  if (le === undefined) return undefined;
  const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
  return Number.isNaN(bound) ? undefined : bound;
}

/** The family under which a renamed series leaves: renamed alike where the suffix stayed, else of unknown type. */
export function familyAs(family: FamilyMetadata, name: string, newName: string): FamilyMetadata {
  const { type, help, unit } = family;
  if (newName === name) return { name: family.name, type, help, unit };
  const suffix = name.slice(family.name.length);
  if (name.startsWith(family.name) && newName.endsWith(suffix) && newName.length > suffix.length) {
    return { name: newName.slice(0, newName.length - suffix.length), type, help, unit };
  }
  return { name: newName, type: "unknown", help, unit };
}
