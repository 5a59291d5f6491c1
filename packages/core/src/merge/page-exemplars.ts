import type { EpochMs, Exemplar } from "../series/series.ts";
import type { PageTarget } from "./targets.ts";

/**
 * The exemplars of a sample that are newer than those of the series' earlier samples, in the order of their
 * times, each with a timestamp; undefined where there are none. A page shows an exemplar in every
 * scrape until another takes its place.
 *
 * One without a timestamp has the sample's, and is new where labels or value are not those of the last one.
 */
export function newExemplars(
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
