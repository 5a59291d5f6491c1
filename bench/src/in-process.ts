import type { Comparison } from "./case.ts";
import { type MeasureOptions, measure, median } from "./measure.ts";
import type { Row } from "./table.ts";

/** Measures a comparison in this process: one row for each peer. */
export async function compareInProcess(
  { name, ours, peers, targets = {} }: Comparison,
  options: MeasureOptions = {},
): Promise<Row[]> {
  const costs = await measure({ ...peers, ours }, options);
  const own = costs["ours"] ?? [];
  return Object.entries(peers).map(([peer, { note }]) => {
    const other = costs[peer] ?? [];
    const ratios = other.map((cost, round) => cost / (own[round] ?? Number.NaN));
    const raw =
      `${rate(own)}${told(ours.note)} against ${rate(other)}${told(note)}; ` +
      `by round ${ratios.map((ratio) => ratio.toFixed(1)).join(" ")}`;
    return { name, ours: "in process", peer, ratio: median(ratios), target: targets[peer], raw };
  });
}

function rate(nanoseconds: readonly number[]): string {
  return `${(1e3 / median(nanoseconds)).toFixed(2)} M/s`;
}

function told(note: string | undefined): string {
  return note === undefined ? "" : ` (${note})`;
}
