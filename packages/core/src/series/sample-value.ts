import { formatNativeHistogram } from "./native-histogram.ts";
import type { MetricFamily, NativeHistogram, SampleValue } from "./series.ts";

/** Whether the value is a native histogram. */
export function isHistogram(value: SampleValue): value is NativeHistogram {
  return typeof value === "object" && value !== null;
}

/** Whether two samples have the same value: NaN equals itself, -0 does not equal 0. */
export function isSameValue(a: SampleValue, b: SampleValue): boolean {
  if (Object.is(a, b)) return true;
  return isHistogram(a) && isHistogram(b) && formatNativeHistogram(a) === formatNativeHistogram(b);
}

/** The value in one row of a family. */
export function valueAt({ values, special }: MetricFamily, row: number): SampleValue {
  const value = special?.get(row);
  return value === undefined ? values[row]! : value;
}

/** The family with these rows, in this order, each with all that belongs to it. */
export function pickRows(family: MetricFamily, rows: readonly number[]): MetricFamily {
  const { name, type, help, unit, special, exemplars, startsMs } = family;
  return {
    name,
    type,
    help,
    unit,
    series: rows.map((row) => family.series[row]!),
    values: rows.map((row) => family.values[row]!),
    timestampsMs: rows.map((row) => family.timestampsMs[row]!),
    ...(special && { special: pickEntries(special, rows) }),
    ...(exemplars && { exemplars: pickEntries(exemplars, rows) }),
    ...(startsMs && { startsMs: pickEntries(startsMs, rows) }),
  };
}

/** What these rows have, by their places in `rows`. */
export function pickEntries<T>(byRow: ReadonlyMap<number, T>, rows: readonly number[]): Map<number, T> {
  const picked = new Map<number, T>();
  for (const [to, from] of rows.entries()) {
    const entry = byRow.get(from);
    if (entry !== undefined) picked.set(to, entry);
  }
  return picked;
}
