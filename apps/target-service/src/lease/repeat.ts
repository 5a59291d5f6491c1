import { setTimeout as delay } from "node:timers/promises";

/**
 * Runs `task` again and again with `pauseMs` between two runs, until `signal` aborts.
 *
 * @param onError Told of what a run throws; the next one comes all the same.
 * @returns Resolves after the last run has ended.
 */
export async function repeat(
  task: () => Promise<unknown>,
  pauseMs: number,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task();
    } catch (error) {
      onError(error);
    }
    await delay(pauseMs, undefined, { signal }).catch(() => {});
  }
}
