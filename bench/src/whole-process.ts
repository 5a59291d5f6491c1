import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What a program says about itself at its end. */
export interface Cost {
  readonly families: number;
  /** Of the whole process from its start, all threads. */
  readonly cpuMs: number;
  /** Largest resident set, in MiB. */
  readonly peakMb: number;
}

/** Runs the programs turn by turn, each `rounds` times in a process of its own. */
export function runPrograms(
  programs: Readonly<Record<string, readonly string[]>>,
  rounds: number,
): Readonly<Record<string, readonly Cost[]>> {
  const costs: Record<string, Cost[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, [script = "", ...args]] of Object.entries(programs)) {
      const path = fileURLToPath(new URL(`programs/${script}`, import.meta.url));
      const output = execFileSync(process.execPath, [path, ...args], { encoding: "utf8" });
      costs[name] = [...(costs[name] ?? []), JSON.parse(output) as Cost];
    }
  }
  return costs;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
