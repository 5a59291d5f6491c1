const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Calls `write` once when the process ends: on `exit`, whatever led to it, and on SIGINT, SIGTERM and
 * SIGHUP where nobody else listens. Then `write` runs, our listeners go, and the signal is raised
 * again, so that the process ends of it as it would have without us.
 *
 * Where the host listens for a signal, the signal is the host's: ours is taken away, and comes back
 * when the host's is gone. Keeps no process alive.
 *
 * @param write Must not throw.
 * @returns Takes every listener away; `write` isn't called any more.
 */
export function watchExit(write: () => void): () => void {
  let active = true;
  const installed = new Map<NodeJS.Signals, () => void>();

  const finish = () => {
    if (!active) return;
    stop();
    write();
  };

  const install = (signal: NodeJS.Signals) => {
    const listener = () => {
      if (process.listenerCount(signal) > 1) return;
      finish();
      // Another collector of this process stood back for ours; it begins to listen in its review, which comes before.
      queueMicrotask(() => process.kill(process.pid, signal));
    };
    installed.set(signal, listener);
    process.on(signal, listener);
  };

  const uninstall = (signal: NodeJS.Signals) => {
    const listener = installed.get(signal);
    if (listener === undefined) return;
    installed.delete(signal);
    process.off(signal, listener);
  };

  /** Ours is there exactly when no other is. */
  const review = (signal: NodeJS.Signals) => {
    if (!active) return;
    const others = process.listenerCount(signal) - (installed.has(signal) ? 1 : 0);
    if (others > 0) uninstall(signal);
    else if (!installed.has(signal)) install(signal);
  };

  // Node itself starts and stops listening for a signal in these two events, and counts listeners while
  // it does: a change in the midst of it would leave the host's listener deaf.
  const onChange = (event: string | symbol) => {
    const signal = SIGNALS.find((known) => known === event);
    if (signal !== undefined) queueMicrotask(() => review(signal));
  };

  function stop(): void {
    active = false;
    process.off("exit", finish);
    process.off("newListener", onChange);
    process.off("removeListener", onChange);
    for (const signal of SIGNALS) uninstall(signal);
  }

  process.on("exit", finish);
  for (const signal of SIGNALS) review(signal);
  process.on("newListener", onChange);
  process.on("removeListener", onChange);
  return stop;
}
