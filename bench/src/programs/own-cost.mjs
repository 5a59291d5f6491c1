import { readFileSync } from "node:fs";

/** What this process has cost so far: CPU time of all threads, and its largest resident set. */
export function ownCost() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: (peakKb() ?? maxRSS) / 1024 };
}

/** Linux gives a new process the peak of the one that started it; what the kernel says here begins anew. */
function peakKb() {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
    return line === null ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}
