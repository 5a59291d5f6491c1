import type { EpochMs } from "../series/series.ts";
import { DeliveryError } from "./delivery-error.ts";
import { sleepFor } from "./sleep.ts";

export interface RetryOptions {
  /** Latest instant at which a further attempt may start, in milliseconds since the epoch. Default: none. */
  readonly deadline?: EpochMs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Wait before the second attempt, in milliseconds; doubles after that. Default 500. */
  readonly baseDelayMs?: number;
  /** Longest single wait of our own, in milliseconds. Default 30 000. */
  readonly maxDelayMs?: number;
  /** Ends the wait and the retries; the returned promise rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Waits. A test passes one that only records. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Jitter source in [0, 1). A test passes a constant. */
  readonly random?: () => number;
}

/**
 * Calls `attempt` until it succeeds or further tries are pointless.
 *
 * Waits between nine tenths and all of an exponentially growing delay, and never less
 * than the server's Retry-After, which `maxDelayMs` does not cap. A wait that would end after
 * `deadline` is not begun.
 *
 * @param attempt Receives the attempt number, starting at 1.
 * @throws The last error of `attempt`, unchanged, or the reason of `signal`.
 * @see Prometheus Remote-Write 2.0, "Retries & Backoff"
 */
export async function withRetry<T>(
  attempt: (n: number) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { deadline = Number.POSITIVE_INFINITY, baseDelayMs = 500, maxDelayMs = 30_000 } = options;
  const { signal, sleep = sleepFor, random = Math.random, now = Date.now } = options;
  for (let n = 1; ; n++) {
    signal?.throwIfAborted();
    try {
      return await attempt(n);
    } catch (error) {
      const retryable = error instanceof DeliveryError && error.retryable;
      if (!retryable) throw error;
      const backoffMs = Math.min(maxDelayMs, baseDelayMs * 2 ** (n - 1));
      const jitteredMs = backoffMs * (0.9 + random() / 10);
      const waitMs = Math.max(jitteredMs, error.retryAfterMs ?? 0);
      if (now() + waitMs > deadline) throw error;
      await sleep(waitMs, signal);
    }
  }
}
