import { isSameValue, pickRows, valueAt } from "../series/sample-value.ts";
import type { EpochMs, MetricFamily, Series } from "../series/series.ts";

/** A frame that a `changes` frame can build on: the session's last one in the same file. */
export interface FrameBase {
  readonly seq: number;
  /** Time of the full frame that it is, or builds on. */
  readonly fullMs: EpochMs;
  /** Every series of the session as of this frame. */
  readonly families: readonly MetricFamily[];
}

/** A session's full frames in one file lie at most this far apart. */
const FULL_FRAME_EVERY_MS = 6 * 3_600_000;

/**
 * What a `changes` frame after `base` lists of `families`: new series, series with another value, exemplar or
 * start time, and series with a timestamp of their own. Families with none of these are left out.
 *
 * Series are told apart by identity, so both frames have to come from one dictionary.
 *
 * @returns Undefined where a full frame is needed: a frame is missing in between, the last full one is
 * 6 h old, a series or a family's metadata is gone or another, a series stands there at several times,
 * or nothing would be saved.
 */
export function changedFamilies(
  base: FrameBase,
  { seq, writtenMs }: { readonly seq: number; readonly writtenMs: EpochMs },
  families: readonly MetricFamily[],
): readonly MetricFamily[] | undefined {
  if (base.seq !== seq - 1 || writtenMs - base.fullMs >= FULL_FRAME_EVERY_MS) return undefined;
  const before = new Map(base.families.map((family) => [family.name, family]));
  const changed: MetricFamily[] = [];
  let unchangedCount = 0;
  for (const family of families) {
    const known = before.get(family.name);
    if (known === undefined) {
      changed.push(family);
      continue;
    }
    before.delete(family.name);
    const rows = hasSameMetadata(known, family) ? changedRows(known, family) : undefined;
    if (rows === undefined) return undefined;
    unchangedCount += family.series.length - rows.length;
    if (rows.length > 0) changed.push(rows.length === family.series.length ? family : pickRows(family, rows));
  }
  return before.size > 0 || unchangedCount === 0 ? undefined : changed;
}

/** Undefined where a series of `before` is gone, or one stands there at several times. */
function changedRows(before: MetricFamily, after: MetricFamily): number[] | undefined {
  let rowOf: Map<Series, number> | undefined;
  const timed = new Set<Series>();
  let knownCount = 0;
  const rows: number[] = [];
  for (let i = 0; i < after.series.length; i++) {
    const series = after.series[i]!;
    let known: number | undefined = i;
    if (before.series[i] !== series) {
      rowOf ??= new Map(before.series.map((each, row) => [each, row]));
      known = rowOf.get(series);
    }
    if (known !== undefined) knownCount++;
    const isSame = known !== undefined && isSameRow(before, known, after, i);
    const isTimed = !Number.isNaN(after.timestampsMs[i]!);
    if (isTimed && timed.has(series)) return undefined;
    if (isTimed) timed.add(series);
    if (!isSame || isTimed) rows.push(i);
  }
  return knownCount === before.series.length ? rows : undefined;
}

function isSameRow(before: MetricFamily, known: number, after: MetricFamily, row: number): boolean {
  if (!isSameValue(valueAt(before, known), valueAt(after, row))) return false;
  if (before.startsMs?.get(known) !== after.startsMs?.get(row)) return false;
  const exemplars = after.exemplars?.get(row);
  return !exemplars || JSON.stringify(exemplars) === JSON.stringify(before.exemplars?.get(known));
}

function hasSameMetadata(a: MetricFamily, b: MetricFamily): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
