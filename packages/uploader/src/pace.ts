import type { EpochMs } from "@promferry/core/series";

export interface PaceOptions {
  /** Samples a second on average; undefined: as fast as it goes. */
  readonly samplesPerSecond: number | undefined;
  readonly now: () => EpochMs;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** A function that waits until so many more samples may be sent. The first ones need not wait. */
export function createPace({
  samplesPerSecond,
  now,
  sleep,
  signal,
}: PaceOptions): (samples: number) => Promise<void> {
  let freeMs = Number.NEGATIVE_INFINITY;
  return async (samples) => {
    if (samplesPerSecond === undefined) return;
    const waitMs = freeMs - now();
    if (waitMs > 0) await sleep(waitMs, signal);
    freeMs = Math.max(freeMs, now()) + (samples / samplesPerSecond) * 1000;
  };
}
