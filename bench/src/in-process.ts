import type { Case, Comparison } from "./case.ts";
import { type MeasureOptions, measure, median } from "./measure.ts";
import type { Row } from "./table.ts";

export interface CompareOptions extends MeasureOptions {
  /** How often everything is measured; the ratio is the median. Default 3. */
  readonly times?: number;
}

/**
 * Measures a comparison in this process: one row for each peer. What a case costs is its best round: the machine, the
 * compiler and another case's garbage only ever add to it.
 */
export async function compareInProcess(
  { name, ours, peers, targets = {} }: Comparison,
  { times = 3, ...options }: CompareOptions = {},
): Promise<Row[]> {
  const own: number[] = [];
  const others = Object.keys(peers).map((): number[] => []);
  for (let time = 0; time < times; time++) {
    const costs = await measure({ ...peers, ours }, options);
    own.push(best(costs["ours"]));
    for (const [i, peer] of Object.keys(peers).entries()) others[i]!.push(best(costs[peer]));
  }
  return Object.entries(peers).map(([peer, each], i) => {
    const ratios = others[i]!.map((cost, time) => cost / own[time]!);
    const raw =
      `${rate(own, ours)} against ${rate(others[i]!, each)}; ` +
      `by measurement ${ratios.map((ratio) => ratio.toFixed(1)).join(" ")}`;
    return { name, ours: "in process", peer, ratio: median(ratios), target: targets[peer], raw };
  });
}

function best(costs: readonly number[] = []): number {
  return Math.min(...costs);
}

function rate(nanoseconds: readonly number[], { note }: Case): string {
  return `${(1e3 / median(nanoseconds)).toFixed(2)} M/s${note === undefined ? "" : ` (${note})`}`;
}
