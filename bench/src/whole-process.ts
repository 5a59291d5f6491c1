import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./measure.ts";
import type { Row } from "./table.ts";

/** What a program says about itself at its end. */
export interface Cost {
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

/** A row for each program but the peer. */
export function processRows(
  name: string,
  { [peer]: others = [], ...own }: Readonly<Record<string, readonly Cost[]>>,
  targets: Readonly<Record<string, number>>,
): Row[] {
  return Object.entries(own).map(([ours, costs]) => {
    const ratio = median(others.map(({ cpuMs }, round) => cpuMs / (costs[round]?.cpuMs ?? Number.NaN)));
    const raw = `${list(costs)} ms CPU, ${peak(costs)} MiB against ${list(others)} ms, ${peak(others)} MiB`;
    return { name, ours, peer, ratio, target: targets[`${name} ${ours}`], raw };
  });
}

export const peer = "parse-prometheus-text-format";

function list(costs: readonly Cost[]): string {
  return costs.map(({ cpuMs }) => cpuMs.toFixed(0)).join(" ");
}

function peak(costs: readonly Cost[]): string {
  return Math.max(...costs.map(({ peakMb }) => peakMb)).toFixed(0);
}
