/** A clock that a test moves by hand. */
export interface HandClock {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Moves the time; everything whose wait is over by then goes on, each at its own time. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock without any time going by. */
  set(now: number): void;
}

interface Sleeper {
  leftMs: number;
  readonly wake: () => void;
}

export function createHandClock(startMs: number): HandClock {
  let nowMs = startMs;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        };
        const wake = () => {
          sleepers.delete(sleeper);
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
        const sleeper: Sleeper = { leftMs: ms, wake };
        sleepers.add(sleeper);
        signal.addEventListener("abort", onAbort, { once: true });
      }),
    async advance(ms) {
      let leftMs = ms;
      // What goes on now is to wait first.
      await new Promise((resolve) => setImmediate(resolve));
      for (;;) {
        const stepMs = Math.min(leftMs, ...Array.from(sleepers, (sleeper) => sleeper.leftMs));
        nowMs += stepMs;
        leftMs -= stepMs;
        for (const sleeper of sleepers) sleeper.leftMs -= stepMs;
        const due = [...sleepers].filter((sleeper) => sleeper.leftMs <= 0);
        for (const sleeper of due) sleeper.wake();
        // What was woken may wait again at once.
        await new Promise((resolve) => setImmediate(resolve));
        if (due.length === 0 && leftMs <= 0) return;
      }
    },
    set(now) {
      nowMs = now;
    },
  };
}
