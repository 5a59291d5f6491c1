import type { Case } from "./case.ts";

export interface MeasureOptions {
  /** How often all cases are measured in turn. Default 9. */
  readonly rounds?: number;
  /** A case runs so often in one round that it takes about so much CPU time, in milliseconds. Default 60. */
  readonly roundMs?: number;
  /** CPU time of this process so far, in milliseconds. Default: user and system time of all threads. */
  readonly cpuMs?: () => number;
}

/**
 * CPU time of one operation, in nanoseconds, of each case in each round. The cases take turns, so that what slows the
 * machine for a while slows them all.
 */
export async function measure(
  cases: Readonly<Record<string, Case>>,
  options: MeasureOptions = {},
): Promise<Readonly<Record<string, readonly number[]>>> {
  const { rounds = 9, roundMs = 60, cpuMs = ownCpuMs } = options;
  const runs = Object.entries(cases).map(([name, each]) => ({
    name,
    each,
    repeats: 1,
    costs: [] as number[],
  }));
  const results: unknown[] = [];
  for (let round = -3; round < rounds; round++) {
    for (const run of runs) {
      const startedMs = cpuMs();
      for (let i = 0; i < run.repeats; i++) results[0] = await run.each.run();
      const takenMs = cpuMs() - startedMs;
      // The first rounds warm up and find out how often.
      if (round >= 0) run.costs.push((takenMs * 1e6) / (run.repeats * run.each.ops));
      else run.repeats = Math.max(1, Math.round((run.repeats * roundMs) / Math.max(takenMs, roundMs / 100)));
    }
  }
  return Object.fromEntries(runs.map(({ name, costs }) => [name, costs]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
