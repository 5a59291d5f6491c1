import { expect, test } from "vitest";
import { asItIs, session, shown } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import { createTotals } from "./totals.ts";

const types = { h: "histogram", g: "gauge" } as const;

interface RestartCase {
  readonly name: string;
  /** What the destination had, as far as the journal still holds it. */
  readonly had: () => readonly Frame[];
  readonly afterMs: number;
  readonly late?: () => readonly Frame[];
  readonly next: () => readonly Frame[];
  readonly expected: readonly string[];
}

const a = session("aaaaaaaa");
const b = session("bbbbbbbb");
const c = session("cccccccc", { startedMs: 4000 });
const fresh = session("ffffffff", { startedMs: 6000 });
a.skip();
b.skip();
c.skip();

const cases: RestartCase[] = [
  {
    name: "a counter goes on from an explicit 0 by what was counted since",
    had: () => [a.at(2000, { x_total: 1000 }), a.at(3000, { x_total: 1003 })],
    afterMs: 3000,
    next: () => [a.at(4000, { x_total: 1007 }), a.at(5000, { x_total: 1008 })],
    expected: ["3001 x_total 0", "4000 x_total 4", "5000 x_total 5"],
  },
  {
    name: "the 0 comes after the newest time that the destination has, of whichever session",
    had: () => [a.at(5100, { x_total: 10 })],
    afterMs: 5900,
    next: () => [a.at(6000, { x_total: 12 })],
    expected: ["5901 x_total 0", "6000 x_total 2"],
  },
  {
    name: "there is no 0 where no instant is left for it",
    had: () => [a.at(6100, { x_total: 20 })],
    afterMs: 6999,
    next: () => [a.at(7000, { x_total: 23 })],
    expected: ["7000 x_total 3"],
  },
  {
    name: "sessions that ended count nothing any more, and new ones from their start",
    had: () => [a.at(8000, { x_total: 40 }, { exit: true })],
    afterMs: 8000,
    next: () => [fresh.start(8100), fresh.at(9000, { x_total: 2 })],
    expected: ["8100 x_total 0", "9000 x_total 2"],
  },
  {
    name: "a session of which nothing is left is a baseline, and its first sample is the 0",
    had: () => [],
    afterMs: 2000,
    next: () => [b.at(3000, { x_total: 70 }), b.at(4000, { x_total: 75 })],
    expected: ["3000 x_total 0", "4000 x_total 5"],
  },
  {
    name: "a histogram begins at 0 as a whole, and a gauge does not",
    had: () => [
      c.at(5000, { 'h_bucket{le="1"}': 5, 'h_bucket{le="+Inf"}': 9, h_sum: 20, h_count: 9, g: 3 }, { types }),
    ],
    afterMs: 5000,
    next: () => [
      c.at(
        6000,
        { 'h_bucket{le="1"}': 6, 'h_bucket{le="+Inf"}': 11, h_sum: 24.5, h_count: 11, g: 4 },
        { types },
      ),
    ],
    expected: [
      '5001 h_bucket{le="1"} 0',
      '5001 h_bucket{le="+Inf"} 0',
      '6000 h_bucket{le="1"} 1',
      '6000 h_bucket{le="+Inf"} 2',
      "5001 h_sum 0",
      "6000 h_sum 4.5",
      "5001 h_count 0",
      "6000 h_count 2",
      "6000 g 4",
    ],
  },
  {
    name: "what came late shows in the next sample",
    had: () => [b.at(10_000, { x_total: 75 })],
    afterMs: 11_000,
    late: () => [b.at(10_500, { x_total: 80 })],
    next: () => [b.at(12_000, { x_total: 81 })],
    expected: ["11001 x_total 0", "12000 x_total 6"],
  },
];

for (const { name, had, afterMs, late = () => [], next, expected } of cases) {
  test(`totals that begin anew: ${name}`, () => {
    const totals = createTotals({ project: asItIs });
    for (const frame of had()) totals.fold(frame, { late: false });

    totals.restart(afterMs);
    const stored = JSON.parse(JSON.stringify(totals.checkpoint()));
    const lateFrames = late();
    const frames = next();
    const goOn = (from: typeof totals) => {
      for (const frame of lateFrames) from.fold(frame, { late: true });
      return frames.flatMap((frame) => shown(from.step([frame])));
    };

    expect(goOn(totals)).toEqual(expected);
    expect(goOn(createTotals({ project: asItIs, checkpoint: stored }))).toEqual(expected);
  });
}
