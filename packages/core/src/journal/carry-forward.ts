import type { EpochMs, MetricFamily, Series } from "../series/series.ts";

/** Every series of a session as of one frame, and where each one stands. */
export interface CarriedFamilies {
  readonly families: readonly MetricFamily[];
  /** By family name; made when a frame is laid over them. */
  readonly places?: ReadonlyMap<string, FamilyPlace>;
  /** Whether series may be missing, as {@link Frame} says it. */
  readonly partial: boolean;
}

interface FamilyPlace {
  readonly index: number;
  readonly rowOf: ReadonlyMap<Series, number>;
}

/**
 * The state after a `changes` frame: every series of `base`, with the values that the frame lists in
 * place of the earlier ones. What it does not list has its earlier value, at `writtenMs`, and no
 * exemplar: those stand where they were new.
 *
 * @param base Left as it is.
 */
export function carryForward(
  base: CarriedFamilies,
  changed: readonly MetricFamily[],
  writtenMs: EpochMs,
): CarriedFamilies {
  const families: MetricFamily[] = base.families.map(({ exemplars: _, ...family }) => ({
    ...family,
    timestampsMs: new Array<number>(family.series.length).fill(writtenMs),
  }));
  let places =
    base.places ?? new Map(base.families.map((family, index) => [family.name, placeOf(family, index)]));
  for (const family of changed) {
    const place = places.get(family.name);
    const index = place?.index ?? families.length;
    const merged = place === undefined ? family : overlay(families[index]!, place, family);
    families[index] = merged;
    if (place !== undefined && merged.series.length === place.rowOf.size) continue;
    places = new Map(places).set(family.name, placeOf(merged, index));
  }
  return { families, places, partial: base.partial };
}

function overlay(before: MetricFamily, { rowOf }: FamilyPlace, changed: MetricFamily): MetricFamily {
  const series = [...before.series];
  const values = [...before.values];
  const timestampsMs = [...before.timestampsMs];
  const rows = changed.series.map((each, i) => {
    const row = rowOf.get(each) ?? series.length;
    series[row] = each;
    values[row] = changed.values[i]!;
    timestampsMs[row] = changed.timestampsMs[i]!;
    return row;
  });
  const special = overlayRows(before.special, rows, changed.special);
  const startsMs = overlayRows(before.startsMs, rows, changed.startsMs);
  const exemplars = overlayRows(before.exemplars, rows, changed.exemplars);
  return {
    ...before,
    series,
    values,
    timestampsMs,
    ...(special && { special }),
    ...(startsMs && { startsMs }),
    ...(exemplars && { exemplars }),
  };
}

function overlayRows<T>(
  before: ReadonlyMap<number, T> | undefined,
  rows: readonly number[],
  changed: ReadonlyMap<number, T> | undefined,
): Map<number, T> | undefined {
  if (!before && !changed) return undefined;
  const byRow = new Map(before);
  for (const [i, row] of rows.entries()) {
    const entry = changed?.get(i);
    if (entry === undefined) byRow.delete(row);
    else byRow.set(row, entry);
  }
  return byRow;
}

function placeOf(family: MetricFamily, index: number): FamilyPlace {
  return { index, rowOf: new Map(family.series.map((series, row) => [series, row])) };
}
