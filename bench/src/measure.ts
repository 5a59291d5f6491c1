import type { Case } from "./case.ts";

export interface MeasureOptions {
  /** Runs of each case, interleaved. Default 9. */
  readonly rounds?: number;
  /** Milliseconds on a clock that never goes back. Default `performance.now`. */
  readonly now?: () => number;
}

/** Median operations a second of each case, all measured turn by turn in one session. */
export function measure(
  cases: Readonly<Record<string, Case>>,
  options: MeasureOptions = {},
): Readonly<Record<string, number>> {
  const { rounds = 9, now = () => performance.now() } = options;
  const rates = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
  const results: unknown[] = [];
  for (let round = -1; round < rounds; round++) {
    for (const [name, { ops, run }] of Object.entries(cases)) {
      const startedMs = now();
      results[0] = run();
      const seconds = (now() - startedMs) / 1000;
      // The first round warms up.
      if (round >= 0) rates.get(name)?.push(ops / seconds);
    }
  }
  return Object.fromEntries([...rates].map(([name, all]) => [name, median(all)]));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
