/**
 * One cumulative series of one session: what it has grown by since the session began.
 *
 * The growth is kept as `offset + last`, so that without a reset it is the counter's own value to
 * the last bit and no difference of floats is ever taken.
 */
export interface Accumulator {
  offset: number;
  last: number;
}

/**
 * @param first The first value seen.
 * @param fromZero Whether the counter is known to have begun at zero; else `first` is a baseline
 *   that counts as no growth.
 */
export function beginAccumulator(first: number, fromZero: boolean): Accumulator {
  return { offset: fromZero ? 0 : -first, last: first };
}

/** Takes the next value. After a reset the counter has begun at zero again. */
export function advance(accumulator: Accumulator, value: number, reset: boolean): void {
  if (reset) accumulator.offset += accumulator.last;
  accumulator.last = value;
}

/** Growth so far. */
export function growth(accumulator: Accumulator): number {
  return accumulator.offset + accumulator.last;
}

/** Growth so far, handed over to a sum that outlives the session; it counts from here again. */
export function takeGrowth(accumulator: Accumulator): number {
  const taken = growth(accumulator);
  accumulator.offset = -accumulator.last;
  return taken;
}
