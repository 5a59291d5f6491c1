/** Bounds of a value, inclusive; at least one of them. */
export interface ValueBounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** The value, or the bound that it lies beyond. NaN has no place and stays. */
export function withinBounds(
  value: number,
  { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: ValueBounds,
): number {
  if (value < min) return min;
  return value > max ? max : value;
}
