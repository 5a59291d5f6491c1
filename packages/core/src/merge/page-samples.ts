import { isSameValue, valueAt } from "../series/sample-value.ts";
import type { EpochMs, Exemplar, MetricFamily } from "../series/series.ts";
import type { SampleList } from "./sample-list.ts";
import { runsAt } from "./session-state.ts";
import type { PageTarget } from "./targets.ts";

/**
 * The exemplars of a sample that are newer than those of the series' earlier samples, in the order of their
 * times, each with a timestamp; undefined where there are none. A page shows an exemplar in every
 * scrape until another takes its place.
 *
 * One without a timestamp has the sample's, and is new where labels or value are not those of the last one.
 */
function newExemplars(
  target: PageTarget,
  shown: readonly Exemplar[] | undefined,
  sampleMs: EpochMs,
): readonly Exemplar[] | undefined {
  if (!shown) return undefined;
  const last = target.lastExemplar;
  const fresh: Exemplar[] = [];
  for (const exemplar of shown) {
    const isTimed = !Number.isNaN(exemplar.timestampMs);
    const isNew =
      last === undefined || (isTimed ? exemplar.timestampMs > last.timestampMs : !isSame(exemplar, last));
    if (isNew) fresh.push(isTimed ? exemplar : { ...exemplar, timestampMs: sampleMs });
  }
  if (fresh.length === 0) return undefined;
  fresh.sort((a, b) => a.timestampMs - b.timestampMs || a.value - b.value);
  target.lastExemplar = fresh.at(-1);
  return fresh;
}

function isSame(a: Exemplar, b: Exemplar): boolean {
  return Object.is(a.value, b.value) && JSON.stringify(a.labels) === JSON.stringify(b.labels);
}

/**
 * Passes on one sample of a page where it is newer than the target's newest.
 *
 * @param out Undefined where the destination has had it.
 * @returns False where it is older, or another one of the same time.
 */
export function passOn(
  target: PageTarget,
  family: MetricFamily,
  index: number,
  writtenMs: EpochMs,
  out: SampleList | undefined,
): boolean {
  const value = valueAt(family, index);
  const ownMs = family.timestampsMs[index]!;
  const timestampMs = Number.isNaN(ownMs) ? writtenMs : ownMs;
  if (timestampMs <= target.newestMs) {
    return timestampMs === target.newestMs && isSameValue(value, target.value);
  }
  target.newestMs = timestampMs;
  target.value = value;
  target.emitted = true;
  const exemplars = newExemplars(target, family.exemplars?.get(index), timestampMs);
  const startMs = family.startsMs?.get(index);
  out?.push(target.series, target.family, timestampMs, value, exemplars, startMs);
  return true;
}

/** The page's newest sample, where its session runs and still shows it. */
export function pushPage(target: PageTarget, nowMs: EpochMs, out: SampleList): void {
  const { shown, series, family, value } = target;
  const session = shown?.session;
  const isShown = session && shown?.atMs === session.lastMs && runsAt(session, nowMs);
  if (isShown && value !== null) out.push(series, family, target.newestMs, value);
}
