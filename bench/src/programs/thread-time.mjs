/** Starts a stopwatch; what comes back says how long, and how much of it this thread has worked, in milliseconds. */
export function stopwatch() {
  const before = process.threadCpuUsage();
  const began = performance.now();
  return () => {
    const wallMs = performance.now() - began;
    const { user, system } = process.threadCpuUsage(before);
    return { wallMs, cpuMs: (user + system) / 1000 };
  };
}
