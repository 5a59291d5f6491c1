import { type Accumulator, advance, growth, takeGrowth } from "./accumulator.ts";

/** One session's buckets of one histogram, ascending by bound. */
export interface SourceBuckets {
  readonly bounds: number[];
  readonly accumulators: Accumulator[];
}

/**
 * The buckets of one histogram over sessions whose bucket layouts may differ.
 *
 * The result has the union of all bounds. To each of them a session contributes its count at its
 * own greatest bound that is not above it, which is the most that is known to lie below.
 */
export interface BucketTotals {
  /** Union of all bounds seen so far, ascending. */
  readonly bounds: number[];
  /** By bound: growth of sessions that have ended. */
  readonly ended: number[];
  readonly live: Set<SourceBuckets>;
  /** By bound: growth of `live`, where all of it is whole numbers, so that no order of adding matters; else undefined. */
  liveGrowth: number[] | undefined;
}

export function createBucketTotals(): BucketTotals {
  return { bounds: [], ended: [], live: new Set(), liveGrowth: [] };
}

/** Adds a bound to the union and gives its index; a bound that is there stays as it is. */
export function addBound(totals: BucketTotals, bound: number): number {
  const at = countAtMost(totals.bounds, bound);
  if (totals.bounds[at - 1] === bound) return at - 1;
  // No ended session had a bound between this one and the next lower one, so both hold the same.
  const below = totals.ended[at - 1] ?? 0;
  totals.bounds.splice(at, 0, bound);
  totals.ended.splice(at, 0, below);
  totals.liveGrowth?.splice(at, 0, totals.liveGrowth[at - 1] ?? 0);
  return at;
}

/** The total at the bound with this index. */
export function bucketTotal(totals: BucketTotals, index: number): number {
  const bound = totals.bounds[index]!;
  let total = totals.ended[index]!;
  // Thousands of sessions may run at once, and each of their frames asks.
  if (totals.liveGrowth && Number.isSafeInteger(total)) return total + totals.liveGrowth[index]!;
  for (const source of totals.live) {
    // Mostly all have the same bounds.
    total += source.bounds[index] === bound ? growth(source.accumulators[index]!) : growthAt(source, bound);
  }
  return total;
}

/** The same, but for what `source` contributes. */
export function bucketTotalWithout(totals: BucketTotals, index: number, source: SourceBuckets): number {
  const own = totals.live.has(source) ? growthAt(source, totals.bounds[index]!) : 0;
  return bucketTotal(totals, index) - own;
}

/** Lets a session's buckets feed the totals; each of their bounds is among those of the totals. */
export function joinSource(totals: BucketTotals, source: SourceBuckets): void {
  if (totals.live.has(source)) return;
  if (totals.live.size === 0) totals.liveGrowth = totals.bounds.map(() => 0);
  totals.live.add(source);
  for (let i = 0; i < totals.bounds.length; i++) grow(totals, i, growthAt(source, totals.bounds[i]!));
}

/** Moves a session's growth to the ended ones. */
export function endSource(totals: BucketTotals, source: SourceBuckets): void {
  if (!totals.live.delete(source)) return;
  for (let i = 0; i < totals.bounds.length; i++) {
    const taken = growthAt(source, totals.bounds[i]!);
    totals.ended[i] = totals.ended[i]! + taken;
    grow(totals, i, -taken);
  }
  for (const accumulator of source.accumulators) takeGrowth(accumulator);
}

/** Lets all bounds stand at 0; sessions count on from where they are. */
export function resetBuckets(totals: BucketTotals): void {
  for (const source of totals.live) source.accumulators.forEach(takeGrowth);
  totals.ended.fill(0);
  totals.liveGrowth = totals.bounds.map(() => 0);
}

/** Adds a bucket to a session's; `bound` is among those of the totals. */
export function addSourceBucket(
  totals: BucketTotals,
  source: SourceBuckets,
  bound: number,
  accumulator: Accumulator,
): void {
  const at = countAtMost(source.bounds, bound);
  const below = source.accumulators[at - 1];
  source.bounds.splice(at, 0, bound);
  source.accumulators.splice(at, 0, accumulator);
  spread(totals, source, at, growth(accumulator) - (below ? growth(below) : 0));
}

/** Takes the next value of one of a session's buckets. */
export function advanceBucket(
  totals: BucketTotals,
  source: SourceBuckets,
  bucket: { readonly bound: number; readonly accumulator: Accumulator; place: number },
  value: number,
  reset: boolean,
): void {
  const { accumulator } = bucket;
  const before = growth(accumulator);
  advance(accumulator, value, reset);
  if (source.accumulators[bucket.place] !== accumulator)
    bucket.place = countAtMost(source.bounds, bucket.bound) - 1;
  const { place } = bucket;
  // Of two that were given one bound the later speaks for it.
  if (source.accumulators[place] === accumulator) spread(totals, source, place, growth(accumulator) - before);
}

/** Adds what one bucket of a session has grown by to each bound that it speaks for: up to the session's next one. */
function spread(totals: BucketTotals, source: SourceBuckets, at: number, by: number): void {
  if (by === 0 || !totals.live.has(source)) return;
  const bound = source.bounds[at]!;
  const next = source.bounds[at + 1];
  // Mostly all have the same bounds.
  const first = totals.bounds[at] === bound ? at : countAtMost(totals.bounds, bound) - 1;
  for (let i = first; i < totals.bounds.length && (next === undefined || totals.bounds[i]! < next); i++) {
    grow(totals, i, by);
  }
}

function grow(totals: BucketTotals, index: number, by: number): void {
  if (!totals.liveGrowth) return;
  const sum = totals.liveGrowth[index]! + by;
  if (Number.isSafeInteger(by) && Number.isSafeInteger(sum)) totals.liveGrowth[index] = sum;
  else totals.liveGrowth = undefined;
}

function growthAt(source: SourceBuckets, bound: number): number {
  const at = countAtMost(source.bounds, bound) - 1;
  return at < 0 ? 0 : growth(source.accumulators[at]!);
}

/** How many of the ascending `bounds` are at most `bound`. */
function countAtMost(bounds: readonly number[], bound: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
