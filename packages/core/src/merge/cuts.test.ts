import fc from "fast-check";
import { expect, test } from "vitest";
import { session, shown } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import { type Coarseness, coarsely } from "./coarseness.ts";
import type { Projection } from "./projection.ts";
import { createTotals } from "./totals.ts";

/** What is written from 10 s to 20 s is kept back. */
const cut: Projection = Object.assign((({ name, labels }) => ({ name, labels })) satisfies Projection, {
  isCutBetween: (fromMs: number, toMs: number) => fromMs < 10_000 && toMs >= 20_000,
});
const types = { h: "histogram", g: "gauge" } as const;

/** One session that runs over all of it, and so long that it counts as running; without the frames that are kept back. */
function frames(): Frame[] {
  const a = session("aaaaaaaa", { intervalMs: 60_000 });
  const b = session("bbbbbbbb", { intervalMs: 60_000, startedMs: 15_000 });
  const all = [
    a.start(1000),
    a.at(5000, { x_total: 5, g: 1, h_sum: 2, h_count: 2, 'h_bucket{le="+Inf"}': 2 }, { types }),
    a.at(
      15_000,
      { x_total: 50, late_total: 7, g: 7, h_sum: 90, h_count: 90, 'h_bucket{le="+Inf"}': 90 },
      { types },
    ),
    b.start(15_000),
    a.at(
      21_000,
      { x_total: 60, late_total: 8, g: 2, h_sum: 91, h_count: 91, 'h_bucket{le="+Inf"}': 91 },
      { types },
    ),
    b.at(22_000, { x_total: 30, other_total: 3 }),
    a.at(
      23_000,
      { x_total: 62, late_total: 8, g: 2, h_sum: 94, h_count: 92, 'h_bucket{le="+Inf"}': 92 },
      { types },
    ),
    b.at(24_000, { x_total: 31, other_total: 4 }),
  ];
  return all.filter(({ header: { writtenMs } }) => writtenMs < 10_000 || writtenMs >= 20_000);
}

const EXPECTED = [
  "1000 x_total 0",
  "5000 x_total 5",
  "5000 g 1",
  "1000 h_sum 0",
  "5000 h_sum 2",
  "1000 h_count 0",
  "5000 h_count 2",
  '1000 h_bucket{le="+Inf"} 0',
  '5000 h_bucket{le="+Inf"} 2',
  "21000 x_total 5",
  "21000 g 2",
  "21000 h_sum 2",
  "21000 h_count 2",
  '21000 h_bucket{le="+Inf"} 2',
  "22000 x_total 5",
  "23000 x_total 7",
  "23000 g 2",
  "23000 h_sum 5",
  "23000 h_count 3",
  '23000 h_bucket{le="+Inf"} 3',
  "24000 x_total 8",
  "22000 other_total 0",
  "24000 other_total 1",
];

test("growth from a time that is kept back is in no total, and what only counted then does not show", () => {
  const totals = createTotals({ project: cut });
  const samples = frames().flatMap((frame) => shown(totals.step([frame])));
  expect(samples.toSorted()).toEqual(EXPECTED.toSorted());
  expect(samples.join()).not.toContain("late_total");
  expect(totals.withheld().map(({ reason }) => reason)).toEqual([
    "nothing was counted in the time that is sent",
  ]);
});

test("where uploads are cut makes no difference, whether the totals are stored or folded again", () => {
  const all = frames();
  for (let at = 0; at <= all.length; at++) {
    for (const stores of [true, false]) {
      const first = createTotals({ project: cut });
      const before = all.slice(0, at).flatMap((frame) => shown(first.step([frame])));
      const checkpoint = JSON.parse(JSON.stringify(first.checkpoint()));
      const second = createTotals({ project: cut, ...(stores && { checkpoint }) });
      if (!stores) for (const frame of all.slice(0, at)) second.fold(frame, { late: false });
      const after = all.slice(at).flatMap((frame) => shown(second.step([frame])));
      expect([...before, ...after].toSorted(), `cut at ${at}`).toEqual(EXPECTED.toSorted());
    }
  }
});

test("a minimum that is configured holds as well", () => {
  const coarseness: Coarseness = { minimumCount: 7 };
  const totals = createTotals({ project: coarsely(cut, coarseness) });
  const samples = frames().flatMap((frame) => shown(totals.step([frame])));
  expect(samples.filter((line) => line.includes("x_total"))).toEqual([
    "21000 x_total 0",
    "23000 x_total 7",
    "24000 x_total 8",
  ]);
});

test("totals are what was counted in the time that is sent, whatever sessions do at its borders", () => {
  const run = fc.record({
    startMs: fc.integer({ min: 0, max: 29_000 }),
    /** Waits and growth. */
    steps: fc.array(fc.tuple(fc.integer({ min: 1, max: 9_000 }), fc.nat(50)), { maxLength: 8 }),
    intervalMs: fc.constantFrom(100, 5_000, 60_000),
  });
  const property = fc.property(fc.array(run, { minLength: 1, maxLength: 3 }), (runs) => {
    const isSent = ({ header: { writtenMs } }: Frame) => writtenMs < 10_000 || writtenMs >= 20_000;
    let expected = 0;
    const all = runs.flatMap(({ startMs, steps, intervalMs }, i) => {
      const own = session(`s${i}`, { startedMs: startMs, intervalMs });
      const written = [own.start(startMs)];
      let [atMs, count] = [startMs, 0];
      for (const [waitMs, by] of steps) {
        const isCounted = isSent(written.at(-1)!);
        const wasBefore = atMs < 10_000;
        atMs += waitMs;
        count += by;
        written.push(own.at(atMs, { x_total: count }));
        if (isCounted && isSent(written.at(-1)!) && wasBefore === atMs < 10_000) expected += by;
      }
      return written.filter(isSent);
    });
    const byTime = new Map<number, Frame[]>();
    for (const frame of all.sort((a, b) => a.header.writtenMs - b.header.writtenMs)) {
      const { writtenMs } = frame.header;
      byTime.set(writtenMs, [...(byTime.get(writtenMs) ?? []), frame]);
    }
    const totals = createTotals({ project: cut });
    const samples = [...byTime.values()].flatMap((each) => [...totals.step(each)]);
    expect(samples.at(-1)?.value ?? 0).toBe(expected);
    expect(samples.every(({ timestampMs: atMs }) => atMs < 10_000 || atMs >= 20_000)).toBe(true);
  });
  fc.assert(property, { numRuns: 2_000 });
});
