/** Frames given to coarse totals as an upload gives them. */

import type { Frame } from "../src/journal/frame.ts";
import { type Coarseness, leavingTime } from "../src/merge/coarseness.ts";
import type { TotalSample } from "../src/merge/sample-list.ts";
import type { Totals } from "../src/merge/totals.ts";

/** The frames that leave together, in order of time. */
export function stepsOf(frames: readonly Frame[], coarseness: Coarseness): Frame[][] {
  return groupsOf(frames, ({ header }) => leavingTime(header, coarseness));
}

/** The samples of one step. */
export function give(totals: Totals, step: readonly Frame[]): TotalSample[] {
  const instants = groupsOf(step, ({ header }) => header.writtenMs);
  for (const instant of instants.slice(0, -1)) totals.gather(instant);
  return [...totals.step(instants.at(-1) ?? [])];
}

function groupsOf(frames: readonly Frame[], timeOf: (frame: Frame) => number): Frame[][] {
  const groups = new Map<number, Frame[]>();
  for (const frame of frames) groups.set(timeOf(frame), [...(groups.get(timeOf(frame)) ?? []), frame]);
  return [...groups].sort(([a], [b]) => a - b).map(([, group]) => group);
}
