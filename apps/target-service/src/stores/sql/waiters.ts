export interface Waiters {
  /** See `TargetStore.wait`. */
  wait(rev: number, signal: AbortSignal): Promise<void>;
  /** There is this revision. */
  saw(rev: number): void;
  /** Wakes all, and nobody waits from now on. */
  close(): void;
}

/**
 * Callers who wait for a revision.
 *
 * What `saw` is told may be late or missing, so it looks for itself: when somebody begins to wait, and every `pollMs`
 * while somebody does.
 *
 * @param look Gives the present revision.
 */
export function createWaiters(look: () => Promise<number>, pollMs: number): Waiters {
  const waiting = new Set<{ readonly rev: number; readonly wake: () => void }>();
  let latest = 0;
  let looking = false;
  let lookAgain = false;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  return { wait, saw, close };

  function wait(rev: number, signal: AbortSignal): Promise<void> {
    if (closed || signal.aborted || latest > rev) return Promise.resolve();
    return new Promise((resolve) => {
      const entry = { rev, wake };
      waiting.add(entry);
      signal.addEventListener("abort", wake);
      timer ??= setInterval(lookSoon, pollMs).unref();
      lookSoon();

      function wake(): void {
        waiting.delete(entry);
        signal.removeEventListener("abort", wake);
        if (waiting.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
        resolve();
      }
    });
  }

  function saw(rev: number): void {
    latest = Math.max(latest, rev);
    for (const { rev: seen, wake } of [...waiting]) if (latest > seen) wake();
  }

  /** One look at a time serves all who came before it began. */
  async function lookSoon(): Promise<void> {
    lookAgain = true;
    if (looking) return;
    looking = true;
    while (lookAgain && !closed) {
      lookAgain = false;
      // A store that is away has nothing new; the next look comes with the timer.
      await look().then(saw, () => undefined);
    }
    looking = false;
  }

  function close(): void {
    closed = true;
    for (const { wake } of [...waiting]) wake();
  }
}
