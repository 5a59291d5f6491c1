import type { Series } from "@promferry/core/series";
import { type CheckedLabels, findLabelProblem, labelKey, sortedLabels } from "../validation/label-problem.ts";

/** What 2.0 sends of one series besides its samples and metadata. */
export interface SeriesStrings extends CheckedLabels {
  /** Name, value, name, value … in the order of the names; empty when there is a problem. */
  readonly strings: readonly string[];
}

/** Checks by the rules of 2.0 and sorts the labels of each {@link Series} object once; it is held weakly. */
export interface StringCache {
  of(series: Series): SeriesStrings;
}

export function createStringCache(): StringCache {
  const known = new WeakMap<Series, SeriesStrings>();
  return {
    of(series) {
      let strings = known.get(series);
      if (!strings) {
        strings = seriesStrings(series);
        known.set(series, strings);
      }
      return strings;
    },
  };
}

function seriesStrings(series: Series): SeriesStrings {
  const problem = findLabelProblem(series.name, series.labels, 2);
  if (problem) return { problem, key: "", strings: [] };
  const sorted = sortedLabels(series);
  return { problem, key: labelKey(sorted), strings: sorted.flatMap(({ name, value }) => [name, value]) };
}
