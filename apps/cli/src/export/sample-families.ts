import type { TotalSample } from "@promferry/core/merge";
import {
  type Exemplar,
  type FamilyMetadata,
  isHistogram,
  type MetricFamily,
  type Series,
} from "@promferry/core/series";

interface Columns extends FamilyMetadata {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  exemplars?: Map<number, readonly Exemplar[]>;
}

/** Gathers samples by family, in order of first appearance, with their exemplars. */
export function createSampleFamilies(): {
  add(sample: TotalSample): void;
  families(): readonly MetricFamily[];
  /** Native histograms, which text has no place for; neither has it one for ends of series. */
  readonly histograms: number;
} {
  let histograms = 0;
  const byName = new Map<string, Columns>();
  return {
    get histograms() {
      return histograms;
    },
    add({ series, family, timestampMs, value, exemplars }) {
      if (isHistogram(value)) histograms++;
      if (typeof value !== "number") return;
      let columns = byName.get(family.name);
      if (!columns) {
        const { name, type, help, unit } = family;
        columns = { name, type, help, unit, series: [], values: [], timestampsMs: [] };
        byName.set(name, columns);
      }
      if (exemplars) {
        columns.exemplars ??= new Map();
        columns.exemplars.set(columns.series.length, exemplars);
      }
      columns.series.push(series);
      columns.values.push(value);
      columns.timestampsMs.push(timestampMs);
    },
    families: () => [...byName.values()],
  };
}
