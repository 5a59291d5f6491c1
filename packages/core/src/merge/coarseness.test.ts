import { expect, test } from "vitest";
import { give, stepsOf } from "../../test/coarse-steps.ts";
import { asItIs, dropping, session, shown, type Values } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import { type Coarseness, coarsely, leavingTime, leavingTimeAfter } from "./coarseness.ts";
import type { Projection } from "./projection.ts";
import type { TotalSample } from "./sample-list.ts";
import { createTotals } from "./totals.ts";

/** All samples of the frames, given as an upload gives them. */
function samplesOf(
  frames: readonly Frame[],
  coarseness: Coarseness,
  project: Projection = asItIs,
): TotalSample[] {
  const totals = createTotals({ project: coarsely(project, coarseness) });
  return stepsOf(frames, coarseness).flatMap((step) => give(totals, step));
}

/** A session that starts at 1000 and shows these values at the following seconds. */
function counting(...values: readonly (number | Values)[]): Frame[] {
  const own = session("aaaaaaaa", { startedMs: 1000 });
  const types = { h: "histogram", s: "summary", g: "gauge" } as const;
  return [
    own.start(1000),
    ...values.map((each, i) =>
      own.at(2000 + i * 1000, typeof each === "number" ? { x_total: each } : each, { types }),
    ),
  ];
}

const aHistogram = (low: number, all: number): Values => ({
  'h_bucket{le="1"}': low,
  'h_bucket{le="+Inf"}': all,
  h_sum: all / 4,
  h_count: all,
});

const aSummary = (count: number): Values => ({ 's{quantile="0.5"}': 0.25, s_sum: count / 4, s_count: count });

for (const { name, coarseness, frames, samples } of [
  {
    name: "rounds a counter down, and leaves an explicit 0 at 0",
    coarseness: { roundCounts: 10 },
    frames: counting(0, 3, 13, 19, 20, 20),
    samples: [
      "1000 x_total 0",
      "2000 x_total 0",
      "3000 x_total 0",
      "4000 x_total 10",
      "5000 x_total 10",
      "6000 x_total 20",
      "7000 x_total 20",
    ],
  },
  {
    name: "rounds what a reset adds up to, not the parts",
    coarseness: { roundCounts: 10 },
    frames: counting(6, 5, 9),
    samples: ["1000 x_total 0", "2000 x_total 0", "3000 x_total 10", "4000 x_total 10"],
  },
  {
    name: "rounds a counter of seconds to whole multiples",
    coarseness: { roundCounts: 2 },
    frames: counting(1.9, 4.7),
    samples: ["1000 x_total 0", "2000 x_total 0", "3000 x_total 4"],
  },
  {
    name: "rounds buckets and count of a histogram alike, and keeps its sum here",
    coarseness: { roundCounts: 5 },
    frames: counting(aHistogram(4, 9), aHistogram(6, 11)),
    samples: [
      '1000 h_bucket{le="1"} 0',
      '1000 h_bucket{le="+Inf"} 0',
      '2000 h_bucket{le="1"} 0',
      '2000 h_bucket{le="+Inf"} 5',
      "1000 h_count 0",
      "2000 h_count 5",
      '3000 h_bucket{le="1"} 5',
      '3000 h_bucket{le="+Inf"} 10',
      "3000 h_count 10",
    ],
  },
  {
    name: "rounds the count of a summary, and keeps its sum and quantiles here",
    coarseness: { roundCounts: 5 },
    frames: counting(aSummary(7)),
    samples: ["1000 s_count 0", "2000 s_count 5"],
  },
  {
    name: "leaves gauges alone, whatever it does to counts",
    coarseness: { roundCounts: 10, minimumCount: 10 },
    frames: counting({ g: 3 }, { g: 0.5 }),
    samples: ["2000 g 3", "3000 g 0.5"],
  },
  {
    name: "withholds a counter until the minimum, then shows it with its 0 at the frame before",
    coarseness: { minimumCount: 5 },
    frames: counting(0, 4, 5, 6),
    samples: ["3000 x_total 0", "4000 x_total 5", "5000 x_total 6"],
  },
  {
    name: "withholds a histogram until its count is there, and then shows small buckets as 0",
    coarseness: { minimumCount: 5 },
    frames: counting(aHistogram(1, 4), aHistogram(2, 5), aHistogram(6, 9)),
    samples: [
      '2000 h_bucket{le="1"} 0',
      '2000 h_bucket{le="+Inf"} 0',
      '3000 h_bucket{le="1"} 0',
      '3000 h_bucket{le="+Inf"} 5',
      "2000 h_sum 0",
      "3000 h_sum 1.25",
      "2000 h_count 0",
      "3000 h_count 5",
      '4000 h_bucket{le="1"} 6',
      '4000 h_bucket{le="+Inf"} 9',
      "4000 h_sum 2.25",
      "4000 h_count 9",
    ],
  },
  {
    name: "withholds a summary's quantiles and sum with its count",
    coarseness: { minimumCount: 5 },
    frames: counting(aSummary(4), aSummary(5)),
    samples: [
      '3000 s{quantile="0.5"} 0.25',
      "2000 s_sum 0",
      "3000 s_sum 1.25",
      "2000 s_count 0",
      "3000 s_count 5",
    ],
  },
  {
    name: "holds the minimum against what is rounded",
    coarseness: { roundCounts: 10, minimumCount: 5 },
    frames: counting(7, 9, 10),
    samples: ["3000 x_total 0", "4000 x_total 10"],
  },
  {
    name: "shows each step's last state at its end, and the 0 at its beginning",
    coarseness: { timeStepMs: 4000 },
    frames: counting(1, 2, 3, 4, 5),
    samples: ["0 x_total 0", "4000 x_total 2", "8000 x_total 5"],
  },
  {
    name: "puts the 0 at the last whole step before a session's frame that did not have the series",
    coarseness: { timeStepMs: 2000 },
    frames: counting({ g: 1 }, { g: 2 }, { g: 3 }, { g: 4, x_total: 2 }),
    samples: ["4000 g 2", "6000 g 4", "4000 x_total 0", "6000 x_total 2"],
  },
  {
    name: "does all three at once",
    coarseness: { roundCounts: 2, minimumCount: 4, timeStepMs: 3000 },
    frames: counting(1, 2, 3, 4, 5, 6, 7, 8),
    samples: ["3000 x_total 0", "6000 x_total 4", "9000 x_total 6", "12000 x_total 8"],
  },
] satisfies { name: string; coarseness: Coarseness; frames: Frame[]; samples: string[] }[]) {
  test(`a coarse projection ${name}`, () => {
    expect(shown(samplesOf(frames, coarseness))).toEqual(samples);
  });
}

test("series that merge are rounded, and reach the minimum, together", () => {
  const frames = counting({ 'x_total{screen="a"}': 3, 'x_total{screen="b"}': 4 });
  const coarseness = { roundCounts: 5, minimumCount: 5 };
  expect(shown(samplesOf(frames, coarseness, dropping("screen")))).toEqual([
    "1000 x_total 0",
    "2000 x_total 5",
  ]);
  expect(shown(samplesOf(frames, coarseness))).toEqual([]);
});

test("scraped pages pass as they are", () => {
  const page = session("cccccccc", { origin: "scrape" });
  const types = { h: "histogram" } as const;
  const frames = [page.at(1500, aHistogram(1, 3), { types }), page.at(2500, { x_total: 3 })];
  const coarseness = { roundCounts: 10, minimumCount: 10, timeStepMs: 60_000 };
  expect(shown(samplesOf(frames, coarseness))).toEqual([
    '1500 h_bucket{le="1"} 1',
    '1500 h_bucket{le="+Inf"} 3',
    "1500 h_sum 0.75",
    "1500 h_count 3",
    "2500 x_total 3",
  ]);
});

test("a gauge shows what the step saw last, also where its run has ended before the step", () => {
  const first = session("aaaaaaaa", { startedMs: 1000, gauges: { g: { sessions: "sum" } } });
  const second = session("bbbbbbbb", { startedMs: 3000, gauges: { g: { sessions: "sum" } } });
  const types = { g: "gauge", only: "gauge" } as const;
  const frames = [
    first.at(1000, { g: 5, only: 1 }, { types }),
    first.at(2000, { g: 6, only: 2 }, { types, exit: true }),
    second.at(3000, { g: 7 }, { types }),
  ];
  expect(shown(samplesOf(frames, { timeStepMs: 10_000 }))).toEqual(["10000 g 7", "10000 only 2"]);
});

test("pages that are ahead of a step end nobody's gauges", () => {
  const own = session("aaaaaaaa", { startedMs: 1000 });
  const page = session("cccccccc", { origin: "scrape" });
  const types = { g: "gauge" } as const;
  const frames = [
    own.at(1000, { g: 5 }, { types }),
    own.at(2000, { g: 6 }, { types }),
    page.at(9000, { up: 1 }, { types: { up: "gauge" } }),
  ];
  const coarseness = { timeStepMs: 10_000 };
  expect(shown(samplesOf(frames, coarseness))).toEqual(["9000 up 1", "10000 g 6"]);
  const totals = createTotals({ project: coarsely(asItIs, coarseness) });
  for (const frame of frames) totals.fold(frame, { late: false });
  expect(shown(totals.latest())).toEqual(["10000 g 6", "9000 up 1"]);
});

test("the end of a version's series gives way to their last values in the same step", () => {
  const old = session("aaaaaaaa", { startedMs: 1000, version: "1" });
  const young = session("bbbbbbbb", { startedMs: 3000, version: "2" });
  const versioned: Projection = ({ name, labels }, { session: { version = "" } }) => ({
    name,
    labels: [...labels, { name: "version", value: version }],
  });
  const frames = [
    old.start(1000),
    old.at(2000, { x_total: 5 }, { exit: true }),
    young.start(3000),
    young.at(4000, { x_total: 1 }),
    young.at(12_000, { x_total: 2 }),
  ];
  expect(shown(samplesOf(frames, { timeStepMs: 10_000 }, versioned))).toEqual([
    '0 x_total{version="1"} 0',
    '10000 x_total{version="1"} 5',
    '0 x_total{version="2"} 0',
    '10000 x_total{version="2"} 1',
    '20000 x_total{version="2"} 2',
  ]);
});

test("a new period begins at 0 where it begins, and has to reach the minimum anew", () => {
  const weekly: Projection = Object.assign(
    ((series, { periodMs }) => ({
      name: series.name,
      labels: [{ name: "user", value: `u${periodMs}` }],
    })) satisfies Projection,
    { periodOf: (atMs: number) => Math.floor(atMs / 6000) * 6000 },
  );
  const coarseness = { timeStepMs: 3000, minimumCount: 3 };
  expect(shown(samplesOf(counting(1, 2, 3, 4, 5, 6, 7, 8, 9), coarseness, weekly))).toEqual([
    '3000 x_total{user="u0"} 0',
    '6000 x_total{user="u0"} 4',
    '6000 x_total{user="u6000"} 0',
    '9000 x_total{user="u6000"} 3',
    '12000 x_total{user="u6000"} 5',
  ]);
});

test("totals that began anew are withheld until the minimum, and their 0 stands on a step or nowhere", () => {
  const coarseness = { timeStepMs: 2000, minimumCount: 3 };
  const [start, ...frames] = counting(9, 10, 11, 12, 13, 14);
  const totals = createTotals({ project: coarsely(asItIs, coarseness) });
  for (const frame of [start!, ...frames.slice(0, 2)]) totals.fold(frame, { late: false });
  totals.restart(4000);
  const after = stepsOf(frames.slice(2), coarseness).flatMap((step) => give(totals, step));
  expect(shown(after)).toEqual(["6000 x_total 0", "8000 x_total 4"]);
  const abrupt = createTotals({ project: coarsely(asItIs, { timeStepMs: 2000 }) });
  for (const frame of [start!, ...frames.slice(0, 2)]) abrupt.fold(frame, { late: false });
  abrupt.restart(4000);
  // No step lies between: that it falls tells of the new beginning.
  expect(shown(abrupt.step(frames.slice(3, 4)))).toEqual(["6000 x_total 2"]);
});

test("what late frames bring up to the minimum begins with a 0 only where nothing of it can have been shown", () => {
  const late = session("bbbbbbbb", { startedMs: 1500 });
  const [start, first] = counting(2);
  const lateFrames = [late.start(1500), late.at(1600, { x_total: 4, y_total: 5 })];
  const totals = createTotals({ project: coarsely(asItIs, { minimumCount: 5 }) });
  for (const frame of [start!, first!]) totals.fold(frame, { late: false });
  const restored = createTotals({
    project: coarsely(asItIs, { minimumCount: 5 }),
    checkpoint: JSON.parse(JSON.stringify(totals.checkpoint())),
  });
  for (const each of [totals, restored]) {
    for (const frame of lateFrames) each.fold(frame, { late: true });
    expect(shown(each.settleLate(2001))).toEqual(["2001 x_total 6", "1500 y_total 0", "2001 y_total 5"]);
  }
});

test("late growth that leaves a series below the minimum is owed no more once its time has come", () => {
  const totals = createTotals({ project: coarsely(asItIs, { minimumCount: 5 }) });
  for (const frame of counting(2)) totals.fold(frame, { late: true });
  expect(JSON.stringify(totals.checkpoint())).toContain("owedSinceMs");
  expect(shown(totals.settleLate(2001))).toEqual([]);
  expect(JSON.stringify(totals.checkpoint())).not.toContain("owedSinceMs");
});

for (const { coarseness, says } of [
  { coarseness: { roundCounts: 1 }, says: "roundCounts: expected a whole number from 2 on, got 1" },
  { coarseness: { minimumCount: 2.5 }, says: "minimumCount: expected a whole number from 2 on, got 2.5" },
  { coarseness: { timeStepMs: 0 }, says: "timeStepMs: expected a divisor of a day (86400000), got 0" },
  { coarseness: { timeStepMs: 7_000 }, says: "timeStepMs: expected a divisor of a day (86400000), got 7000" },
]) {
  test(`a projection is not made of ${JSON.stringify(coarseness)}`, () => {
    expect(() => coarsely(asItIs, coarseness)).toThrow(new RangeError(says));
  });
}

test("instants are gathered only where there are steps", () => {
  const totals = createTotals({ project: coarsely(asItIs, { minimumCount: 5 }) });
  expect(() => totals.gather(counting(1).slice(1))).toThrow("only where the projection has a timeStepMs");
});

test("what stays behind below the minimum is counted, and no longer once it is there", () => {
  const totals = createTotals({ project: coarsely(asItIs, { minimumCount: 3 }) });
  for (const frame of counting(1, 2, 3, 4)) totals.step([frame]);
  expect(totals.withheld()).toEqual([{ reason: "minimum_count", series: 1, samples: 2 }]);
});

test("latest shows no count below the minimum and no count that is not rounded", () => {
  const frames = counting({ x_total: 13, y_total: 4, g: 3, ...aHistogram(6, 11) });
  const totals = createTotals({ project: coarsely(asItIs, { roundCounts: 5, minimumCount: 10 }) });
  for (const frame of frames) totals.fold(frame, { late: false });
  expect(shown(totals.latest())).toEqual([
    "2000 x_total 10",
    "2000 g 3",
    '2000 h_bucket{le="1"} 0',
    '2000 h_bucket{le="+Inf"} 10',
    "2000 h_count 10",
  ]);
});

test("late growth is owed at a step's end", () => {
  const coarseness = { timeStepMs: 4000, minimumCount: 2 };
  const totals = createTotals({ project: coarsely(asItIs, coarseness) });
  const [start, first, second] = counting(1, 3);
  totals.fold(start!, { late: false });
  totals.fold(first!, { late: true });
  totals.fold(second!, { late: true });
  expect(shown(totals.settleLate(leavingTimeAfter(4000, coarseness)))).toEqual([
    "4000 x_total 0",
    "8000 x_total 3",
  ]);
});

for (const { atMs, stepMs, leavesMs } of [
  { atMs: 0, stepMs: 1000, leavesMs: 1000 },
  { atMs: 999, stepMs: 1000, leavesMs: 1000 },
  { atMs: 1000, stepMs: 1000, leavesMs: 2000 },
  { atMs: 1000, stepMs: undefined, leavesMs: 1000 },
]) {
  test(`with a step of ${stepMs ?? "nothing"}, what is written at ${atMs} leaves at ${leavesMs}`, () => {
    const coarseness = stepMs === undefined ? {} : { timeStepMs: stepMs };
    expect(leavingTime({ origin: "app", writtenMs: atMs }, coarseness)).toBe(leavesMs);
    expect(leavingTime({ origin: "scrape", writtenMs: atMs }, coarseness)).toBe(atMs);
  });
}
