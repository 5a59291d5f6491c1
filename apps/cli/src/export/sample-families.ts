import type { TotalSample } from "@promferry/core/merge";
import type { FamilyMetadata, MetricFamily, Series } from "@promferry/core/series";

interface Columns extends FamilyMetadata {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
}

/** Gathers samples by family, in order of first appearance; ends of series have no place in text. */
export function createSampleFamilies(): {
  add(sample: TotalSample): void;
  families(): readonly MetricFamily[];
} {
  const byName = new Map<string, Columns>();
  return {
    add({ series, family, timestampMs, value }) {
      if (value === null) return;
      let columns = byName.get(family.name);
      if (!columns) {
        const { name, type, help, unit } = family;
        columns = { name, type, help, unit, series: [], values: [], timestampsMs: [] };
        byName.set(name, columns);
      }
      columns.series.push(series);
      columns.values.push(value);
      columns.timestampsMs.push(timestampMs);
    },
    families: () => [...byName.values()],
  };
}
