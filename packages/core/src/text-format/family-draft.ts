import type { Exemplar, MetricFamily, MetricType, Series } from "../series/series.ts";
import type { NameMark } from "./parser-memory.ts";

/** A family while its page is being read. */
export interface FamilyDraft {
  readonly mark: NameMark;
  readonly name: string;
  /** Offset of the line that named it first. */
  readonly offset: number;
  type: MetricType | undefined;
  help: string | undefined;
  unit: string | undefined;
  /** Of the last page, shared as long as this page has the same in the same order; then not ours to change. */
  series: Series[];
  sharesSeries: boolean;
  readonly values: number[];
  readonly timestampsMs: number[];
  exemplars: Map<number, readonly Exemplar[]> | undefined;
}

export function createDraft(mark: NameMark, offset: number): FamilyDraft {
  return {
    mark,
    name: mark.text,
    offset,
    type: undefined,
    help: undefined,
    unit: undefined,
    series: mark.series,
    sharesSeries: true,
    values: [],
    timestampsMs: [],
    exemplars: undefined,
  };
}

export function addSample(draft: FamilyDraft, series: Series, value: number, timestampMs: number): void {
  const row = draft.values.length;
  if (draft.sharesSeries && draft.series[row] !== series) cutShared(draft);
  if (!draft.sharesSeries) draft.series.push(series);
  draft.values.push(value);
  draft.timestampsMs.push(timestampMs);
}

/** Keeps of the shared series those that this page has had, in an array of its own. */
function cutShared(draft: FamilyDraft): void {
  draft.series = draft.series.slice(0, draft.values.length);
  draft.sharesSeries = false;
}

export function finishDraft(draft: FamilyDraft): MetricFamily {
  if (draft.sharesSeries && draft.series.length > draft.values.length) cutShared(draft);
  const { name, type = "unknown", help = "", unit = "", series, values, timestampsMs, exemplars } = draft;
  draft.mark.series = series;
  const family = { name, type, help, unit, series, values, timestampsMs };
  return exemplars ? { ...family, exemplars } : family;
}
