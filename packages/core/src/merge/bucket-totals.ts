import { type Accumulator, growth, takeGrowth } from "./accumulator.ts";

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
}

/** Adds a bound to the union and gives its index; a bound that is there stays as it is. */
export function addBound(totals: BucketTotals, bound: number): number {
  const at = countAtMost(totals.bounds, bound);
  if (totals.bounds[at - 1] === bound) return at - 1;
  // No ended session had a bound between this one and the next lower one, so both hold the same.
  const below = totals.ended[at - 1] ?? 0;
  totals.bounds.splice(at, 0, bound);
  totals.ended.splice(at, 0, below);
  return at;
}

/** The total at the bound with this index. */
export function bucketTotal(totals: BucketTotals, index: number): number {
  const bound = totals.bounds[index]!;
  let total = totals.ended[index]!;
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

/** Moves a session's growth to the ended ones. */
export function endSource(totals: BucketTotals, source: SourceBuckets): void {
  if (!totals.live.delete(source)) return;
  for (let i = 0; i < totals.bounds.length; i++) {
    totals.ended[i] = totals.ended[i]! + growthAt(source, totals.bounds[i]!);
  }
  for (const accumulator of source.accumulators) takeGrowth(accumulator);
}

export function addSourceBucket(source: SourceBuckets, bound: number, accumulator: Accumulator): void {
  const at = countAtMost(source.bounds, bound);
  source.bounds.splice(at, 0, bound);
  source.accumulators.splice(at, 0, accumulator);
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
