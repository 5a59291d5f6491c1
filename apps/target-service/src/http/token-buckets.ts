/** A bucket for each key: a minute's requests at once, then as many as fill up steadily. */
export interface TokenBuckets {
  /**
   * @param nowMs By a monotonic clock.
   * @returns 0 where the request may go on, or else how long it has to wait, in milliseconds.
   */
  take(key: string, perMinute: number, nowMs: number): number;
}

const MINUTE_MS = 60_000;

/** @param keys How many are remembered, at least half of it; those seen longest ago are forgotten, in their favour. Default 50,000. */
export function createTokenBuckets(keys = 50_000): TokenBuckets {
  // What a bucket lacks is kept as the time when it will be full. When the recent ones are half of all, the older ones go.
  let [recent, older] = [new Map<string, number>(), new Map<string, number>()];
  return {
    take(key, perMinute, nowMs) {
      const fullAt = Math.max(nowMs, recent.get(key) ?? older.get(key) ?? 0) + MINUTE_MS / perMinute;
      const waitMs = fullAt - nowMs - MINUTE_MS;
      // Below a millisecond it is what adding fractions leaves.
      if (waitMs >= 1) return waitMs;
      if (recent.size >= keys / 2) [recent, older] = [new Map(), recent];
      recent.set(key, fullAt);
      return 0;
    },
  };
}
