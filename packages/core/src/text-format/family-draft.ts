import type { Exemplar, MetricFamily, MetricType, Series } from "../series/series.ts";

/** A family while its page is being read. */
export interface FamilyDraft {
  readonly name: string;
  /** The line that named it first. */
  readonly line: number;
  type: MetricType | undefined;
  help: string | undefined;
  unit: string | undefined;
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  exemplars: Map<number, Exemplar> | undefined;
}

export function createDraft(name: string, line: number): FamilyDraft {
  return {
    name,
    line,
    type: undefined,
    help: undefined,
    unit: undefined,
    series: [],
    values: [],
    timestampsMs: [],
    exemplars: undefined,
  };
}

export function addSample(draft: FamilyDraft, series: Series, value: number, timestampMs: number): void {
  draft.series.push(series);
  draft.values.push(value);
  draft.timestampsMs.push(timestampMs);
}

export function finishDraft(draft: FamilyDraft): MetricFamily {
  const { name, type = "unknown", help = "", unit = "", series, values, timestampsMs, exemplars } = draft;
  const family = { name, type, help, unit, series, values, timestampsMs };
  return exemplars ? { ...family, exemplars } : family;
}
