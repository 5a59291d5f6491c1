import type { EpochMs } from "@promferry/target-registry";

/**
 * The host's clock for a store: it jumps ahead when the host's does, which the guard of the sweep sees, and when the
 * host's is set back it goes on by the monotonic clock.
 *
 * @param host Default `Date.now`.
 * @param monotonicMs Milliseconds of a clock that nobody sets. Default `performance.now`.
 */
export function steadyClock(
  host: () => EpochMs = Date.now,
  monotonicMs: () => number = () => performance.now(),
): () => EpochMs {
  let last = host();
  let lastAt = monotonicMs();
  return () => {
    const at = monotonicMs();
    last = Math.max(host(), last + (at - lastAt));
    lastAt = at;
    return Math.floor(last);
  };
}
