import { type MetricFamily, pickRows } from "@promferry/core/series";

/** Families that a journal can write. */
export interface FrameFamilies {
  readonly families: readonly MetricFamily[];
  /** Samples that a frame can't hold: their times lie before 1970, or beyond whole milliseconds. */
  readonly leftOut: number;
}

/** Foreign families without the samples for which a journal would refuse the whole frame. */
export function toFrameFamilies(families: readonly MetricFamily[]): FrameFamilies {
  let leftOut = 0;
  const kept = families.map((family) => {
    const rows = family.timestampsMs.flatMap((timestampMs, i) => (isWritable(timestampMs) ? [i] : []));
    if (rows.length === family.series.length) return family;
    leftOut += family.series.length - rows.length;
    return pickRows(family, rows);
  });
  return { families: kept, leftOut };
}

/** NaN stands for the frame's own time. */
function isWritable(timestampMs: number): boolean {
  return Number.isNaN(timestampMs) || (Number.isSafeInteger(timestampMs) && timestampMs >= 0);
}
