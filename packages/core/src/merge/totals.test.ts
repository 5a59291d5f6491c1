import fc from "fast-check";
import { expect, test } from "vitest";
import { asItIs, dropping, session, shown } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import type { Projection } from "./projection.ts";
import type { TotalSample } from "./sample-list.ts";
import { createTotals, type Totals } from "./totals.ts";

/** Steps over all frames in time order. */
function stepAll(totals: Totals, frames: readonly Frame[]): TotalSample[] {
  const instants = new Map<number, Frame[]>();
  for (const frame of [...frames].sort((a, b) => a.header.writtenMs - b.header.writtenMs)) {
    const at = instants.get(frame.header.writtenMs);
    if (at) at.push(frame);
    else instants.set(frame.header.writtenMs, [frame]);
  }
  return [...instants.values()].flatMap((instant) => [...totals.step(instant)]);
}

interface TotalsCase {
  readonly name: string;
  readonly frames: () => readonly Frame[];
  readonly project?: Projection;
  readonly expected: readonly string[];
  readonly withheld?: Readonly<Record<string, number>>;
}

const gauge = { types: { g: "gauge" } } as const;
const histogram = { types: { h: "histogram" } } as const;

const cases: TotalsCase[] = [
  {
    name: "are the counter's own values in a single session, after a 0 at its start",
    frames: () => {
      const a = session("a");
      return [a.start(1000), a.at(2000, { x_total: 3 }), a.at(3000, { x_total: 5 })];
    },
    expected: ["1000 x_total 0", "2000 x_total 3", "3000 x_total 5"],
  },
  {
    name: "begin at 0 where the session's start is lost",
    frames: () => {
      const a = session("a");
      a.skip();
      return [a.at(2000, { x_total: 100 }), a.at(3000, { x_total: 110 })];
    },
    expected: ["2000 x_total 0", "3000 x_total 10"],
  },
  {
    name: "put the 0 of a series that shows up later at the frame before it",
    frames: () => {
      const a = session("a");
      return [a.start(1000), a.at(2000, { x_total: 1 }), a.at(3000, { x_total: 1, y_total: 2 })];
    },
    expected: ["1000 x_total 0", "2000 x_total 1", "3000 x_total 1", "2000 y_total 0", "3000 y_total 2"],
  },
  {
    name: "go on from one session to the next",
    frames: () => {
      const a = session("a");
      const b = session("b", { startedMs: 5000 });
      return [
        a.start(1000),
        a.at(2000, { x_total: 4 }, { exit: true }),
        b.start(5000),
        b.at(6000, { x_total: 1 }),
        b.at(7000, { x_total: 3 }, { exit: true }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 4", "6000 x_total 5", "7000 x_total 7"],
  },
  {
    name: "keep what a killed session had written",
    frames: () => {
      const a = session("a");
      const b = session("b", { startedMs: 9000 });
      return [a.start(1000), a.at(2000, { x_total: 4 }), b.start(9000), b.at(10_000, { x_total: 1 })];
    },
    expected: ["1000 x_total 0", "2000 x_total 4", "10000 x_total 5"],
  },
  {
    name: "add up sessions that overlap, each sample at the frame that carries the series",
    frames: () => {
      const a = session("a");
      const b = session("b");
      return [
        a.start(1000),
        b.start(1500),
        a.at(2000, { x_total: 2 }),
        b.at(2500, { x_total: 10 }),
        a.at(3000, { x_total: 3 }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 2", "2500 x_total 12", "3000 x_total 13"],
  },
  {
    name: "take frames of one instant as one step",
    frames: () => {
      const a = session("a");
      const b = session("b");
      return [a.start(1000), b.start(1000), b.at(2000, { x_total: 10 }), a.at(2000, { x_total: 2 })];
    },
    expected: ["1000 x_total 0", "2000 x_total 12"],
  },
  {
    name: "see a reset inside a session",
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { x_total: 5 }),
        a.at(3000, { x_total: 2 }),
        a.at(4000, { x_total: 6 }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 5", "3000 x_total 7", "4000 x_total 11"],
  },
  {
    name: "count on when a session was silent and writes again",
    frames: () => {
      const a = session("a");
      return [a.start(1000), a.at(2000, { x_total: 5 }), a.at(60_000, { x_total: 6 })];
    },
    expected: ["1000 x_total 0", "2000 x_total 5", "60000 x_total 6"],
  },
  {
    name: "add up series that a dropped label brings together",
    project: dropping("screen"),
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { 'x_total{screen="pods"}': 2, 'x_total{screen="nodes"}': 3 }),
        a.at(3000, { 'x_total{screen="pods"}': 4, 'x_total{screen="nodes"}': 1 }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 5", "3000 x_total 8"],
  },
  {
    name: "leave out a series that the projection withholds, and count it",
    project: ({ name, labels }) =>
      name === "secret_total" ? { withheld: "not in the catalogue" } : { name, labels },
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { x_total: 1, secret_total: 1 }),
        a.at(3000, { x_total: 1, secret_total: 2 }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 1", "3000 x_total 1"],
    withheld: { "not in the catalogue": 2 },
  },
  {
    name: "show a histogram's buckets, sum and count",
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { 'h_bucket{le="1"}': 1, 'h_bucket{le="+Inf"}': 2, h_sum: 5.5, h_count: 2 }, histogram),
      ];
    },
    expected: [
      '1000 h_bucket{le="1"} 0',
      '1000 h_bucket{le="+Inf"} 0',
      '2000 h_bucket{le="1"} 1',
      '2000 h_bucket{le="+Inf"} 2',
      "1000 h_sum 0",
      "2000 h_sum 5.5",
      "1000 h_count 0",
      "2000 h_count 2",
    ],
  },
  {
    name: "give each bound of two layouts what is known to lie below it",
    frames: () => {
      const a = session("a");
      const b = session("b", { startedMs: 5000 });
      return [
        a.start(1000),
        a.at(
          2000,
          { 'h_bucket{le="1"}': 3, 'h_bucket{le="5"}': 4, 'h_bucket{le="+Inf"}': 6 },
          { ...histogram, exit: true },
        ),
        b.start(5000),
        b.at(6000, { 'h_bucket{le="2"}': 10, 'h_bucket{le="+Inf"}': 20 }, histogram),
      ];
    },
    expected: [
      '1000 h_bucket{le="1"} 0',
      '1000 h_bucket{le="5"} 0',
      '1000 h_bucket{le="+Inf"} 0',
      '2000 h_bucket{le="1"} 3',
      '2000 h_bucket{le="5"} 4',
      '2000 h_bucket{le="+Inf"} 6',
      '5000 h_bucket{le="2"} 3',
      '6000 h_bucket{le="1"} 3',
      '6000 h_bucket{le="2"} 13',
      '6000 h_bucket{le="5"} 14',
      '6000 h_bucket{le="+Inf"} 26',
    ],
  },
  {
    name: "take a sum that shrinks for no reset as long as the count grows",
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { 'h_bucket{le="+Inf"}': 1, h_sum: -4, h_count: 1 }, histogram),
        a.at(3000, { 'h_bucket{le="+Inf"}': 2, h_sum: -9, h_count: 2 }, histogram),
      ];
    },
    expected: [
      '1000 h_bucket{le="+Inf"} 0',
      '2000 h_bucket{le="+Inf"} 1',
      "1000 h_sum 0",
      "2000 h_sum -4",
      "1000 h_count 0",
      "2000 h_count 1",
      '3000 h_bucket{le="+Inf"} 2',
      "3000 h_sum -9",
      "3000 h_count 2",
    ],
  },
  {
    name: "reset a histogram as a whole when its count falls",
    frames: () => {
      const a = session("a");
      return [
        a.start(1000),
        a.at(2000, { 'h_bucket{le="+Inf"}': 3, h_sum: 1, h_count: 3 }, histogram),
        a.at(3000, { 'h_bucket{le="+Inf"}': 2, h_sum: 7, h_count: 2 }, histogram),
      ];
    },
    expected: [
      '1000 h_bucket{le="+Inf"} 0',
      '2000 h_bucket{le="+Inf"} 3',
      "1000 h_sum 0",
      "2000 h_sum 1",
      "1000 h_count 0",
      "2000 h_count 3",
      '3000 h_bucket{le="+Inf"} 5',
      "3000 h_sum 8",
      "3000 h_count 5",
    ],
  },
  {
    name: "refuse the older session's samples where a type has changed",
    frames: () => {
      const a = session("a");
      const b = session("b", { startedMs: 2500 });
      return [
        a.start(1000),
        a.at(2000, { x: 4 }),
        b.start(2500),
        b.at(3000, { x: 9 }, { types: { x: "gauge" } }),
        a.at(3500, { x: 5 }),
      ];
    },
    expected: ["1000 x 0", "2000 x 4", "3000 x 9"],
    withheld: { type_conflict: 1 },
  },
  {
    name: "show the latest gauge of all sessions by default",
    frames: () => {
      const a = session("a");
      const b = session("b", { startedMs: 500 });
      return [a.at(1000, { g: 1 }, gauge), b.at(1500, { g: 7 }, gauge), a.at(2000, { g: 2 }, gauge)];
    },
    expected: ["1000 g 1", "1500 g 7", "2000 g 2"],
  },
  {
    name: "let the session that started last decide a gauge of one instant",
    frames: () => {
      const a = session("z");
      const b = session("b", { startedMs: 500 });
      return [a.at(1000, { g: 1 }, gauge), b.at(1000, { g: 7 }, gauge)];
    },
    expected: ["1000 g 7"],
  },
  {
    name: "add up a gauge of sessions that run, up to and including their exit",
    frames: () => {
      const gauges = { g: { sessions: "sum" as const } };
      const a = session("a", { gauges });
      const b = session("b", { gauges });
      return [
        a.at(1000, { g: 1 }, gauge),
        b.at(1500, { g: 10 }, gauge),
        a.at(2000, { g: 2 }, { ...gauge, exit: true }),
        b.at(2500, { g: 11 }, gauge),
      ];
    },
    expected: ["1000 g 1", "1500 g 11", "2000 g 12", "2500 g 11"],
  },
  {
    name: "forget a killed session's gauge after two intervals",
    frames: () => {
      const gauges = { g: { sessions: "sum" as const } };
      const a = session("a", { gauges });
      const b = session("b", { gauges });
      return [
        a.at(1000, { g: 1 }, gauge),
        b.at(2000, { g: 10 }, gauge),
        b.at(3000, { g: 10 }, gauge),
        b.at(3001, { g: 10 }, gauge),
      ];
    },
    expected: ["1000 g 1", "2000 g 11", "3000 g 11", "3001 g 10"],
  },
  {
    name: "refuse gauges that a dropped label brings together without a rule",
    project: dropping("resource"),
    frames: () => {
      const a = session("a");
      return [a.at(1000, { 'g{resource="pods"}': 1, 'g{resource="nodes"}': 2 }, gauge)];
    },
    expected: [],
    withheld: { gauge_label_merge: 1 },
  },
  {
    name: "combine gauges that a dropped label brings together by their rule",
    project: dropping("resource"),
    frames: () => {
      const a = session("a", { gauges: { g: { labels: "sum", sessions: "max" } } });
      const b = session("b", { gauges: { g: { labels: "sum", sessions: "max" } } });
      return [
        a.at(1000, { 'g{resource="pods"}': 1, 'g{resource="nodes"}': 2 }, gauge),
        b.at(1000, { 'g{resource="pods"}': 2 }, gauge),
      ];
    },
    expected: ["1000 g 3"],
  },
  {
    name: "drop a gauge that its session shows no more",
    frames: () => {
      const gauges = { g: { sessions: "sum" as const } };
      const a = session("a", { gauges });
      const b = session("b", { gauges });
      return [a.at(1000, { g: 1 }, gauge), a.at(1500, {}), b.at(1600, { g: 4 }, gauge)];
    },
    expected: ["1000 g 1", "1600 g 4"],
  },
  {
    name: "end the series of a version when another version goes on",
    project: ({ name, labels }, context) => ({
      name,
      labels: [...labels, { name: "version", value: context.session.version ?? "" }],
    }),
    frames: () => {
      const a = session("a", { version: "v1" });
      const b = session("b", { version: "v2", startedMs: 1500 });
      return [
        a.start(1000),
        b.start(1500),
        a.at(2000, { x_total: 1 }),
        b.at(2500, { x_total: 1 }),
        a.at(3000, { x_total: 2 }, { exit: true }),
        b.at(3500, { x_total: 2 }),
        b.at(4500, { x_total: 3 }),
      ];
    },
    expected: [
      '1000 x_total{version="v1"} 0',
      '2000 x_total{version="v1"} 1',
      '1500 x_total{version="v2"} 0',
      '2500 x_total{version="v2"} 1',
      '3000 x_total{version="v1"} 2',
      '3500 x_total{version="v2"} 2',
      '3500 x_total{version="v1"} stale',
      '4500 x_total{version="v2"} 3',
    ],
  },
  {
    name: "do not end a series that the other version feeds as well",
    frames: () => {
      const a = session("a", { version: "v1" });
      const b = session("b", { version: "v2", startedMs: 3000 });
      return [
        a.start(1000),
        a.at(2000, { x_total: 1 }, { exit: true }),
        b.start(3000),
        b.at(4000, { x_total: 1 }),
      ];
    },
    expected: ["1000 x_total 0", "2000 x_total 1", "4000 x_total 2"],
  },
  {
    name: "pass a scraped page through, resets and all",
    frames: () => {
      const a = session("a", { origin: "scrape" });
      return [a.at(1000, { x_total: 50 }), a.at(2000, { x_total: 2 }), a.at(3000, { x_total: 3 })];
    },
    expected: ["1000 x_total 50", "2000 x_total 2", "3000 x_total 3"],
  },
];

for (const { name, frames, project = asItIs, expected, withheld = {} } of cases) {
  test(`totals ${name}`, () => {
    const totals = createTotals({ project });

    expect(shown(stepAll(totals, frames()))).toEqual(expected);

    expect(Object.fromEntries(totals.withheld().map(({ reason, samples }) => [reason, samples]))).toEqual(
      withheld,
    );
  });
}

test("a late frame's growth shows in the next sample and not at its own time", () => {
  const a = session("a");
  const b = session("b");
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [a.start(1000), a.at(3000, { x_total: 5 })]);

  for (const late of [b.start(1500), b.at(2000, { x_total: 10 })]) totals.fold(late, { late: true });

  expect(shown(totals.step([a.at(4000, { x_total: 6 })]))).toEqual(["4000 x_total 16"]);
  expect([...totals.settleLate(4001)]).toEqual([]);
});

test("a late frame's growth shows on its own when nothing follows, a new series after its 0", () => {
  const a = session("a");
  const b = session("b");
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [a.start(1000), a.at(3000, { x_total: 5 })]);

  for (const late of [b.start(1500), b.at(2000, { x_total: 10, y_total: 1 })])
    totals.fold(late, { late: true });

  expect(shown(totals.settleLate(3001))).toEqual(["3001 x_total 15", "1500 y_total 0", "3001 y_total 1"]);
  expect([...totals.settleLate(3002)]).toEqual([]);
});

test("a frame that comes after its successor counts nothing twice", () => {
  const a = session("a");
  const [start, early, later] = [a.start(1000), a.at(2000, { x_total: 5 }), a.at(3000, { x_total: 7 })];
  const totals = createTotals({ project: asItIs });
  totals.step([start]);
  totals.step([later]);

  totals.fold(early, { late: true });

  expect(shown(totals.step([a.at(4000, { x_total: 8 })]))).toEqual(["4000 x_total 8"]);
});

test("a late page is passed through at its own time, once", () => {
  const a = session("a", { origin: "scrape" });
  const b = session("b", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [a.at(3000, { x_total: 5 })]);
  const late = b.at(2000, { y_total: 9 });

  expect(shown(totals.step([late]))).toEqual(["2000 y_total 9"]);
  expect(shown(totals.step([late]))).toEqual([]);
});

test("the latest state holds every counter's total and the gauges of sessions that run", () => {
  const a = session("a");
  const b = session("b", { startedMs: 90_000 });
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [
    a.start(1000),
    a.at(2000, { x_total: 3, g: 1, old: 1 }, { types: { g: "gauge", old: "gauge" }, exit: true }),
    b.start(90_000),
    b.at(91_000, { x_total: 1, g: 5 }, { ...gauge, exit: true }),
  ]);

  expect(shown(totals.latest())).toEqual(["91000 x_total 4", "91000 g 5"]);
});

test("a step of frames of two instants is refused", () => {
  const a = session("a");
  const totals = createTotals({ project: asItIs });

  expect(() => totals.step([a.at(1000, {}), a.at(2000, {})])).toThrow("must be of one instant");
});

test("a second exit frame, as of a process that ends while it stops, counts nothing twice", () => {
  const a = session("a");
  const totals = createTotals({ project: asItIs });

  const samples = stepAll(totals, [
    a.start(1000),
    a.at(2000, { x_total: 5 }, { exit: true }),
    a.at(2001, { x_total: 6 }, { exit: true }),
  ]);

  expect(shown(samples)).toEqual(["1000 x_total 0", "2000 x_total 5", "2001 x_total 6"]);
});

test("what a session counted is forgotten when it is not expected to write again", () => {
  const hour = 3_600_000;
  const killed = session("aaaaaaaa");
  const over = session("bbbbbbbb");
  const page = session("cccccccc", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [
    killed.start(0),
    over.start(0),
    killed.at(1000, { x_total: 1 }),
    over.at(1000, { x_total: 2 }, { exit: true }),
    page.at(1000, { up: 1 }),
  ]);
  const kept = (atMs: number) => {
    totals.step([session("dddddddd").at(atMs, {})]);
    const { sessions } = totals.checkpoint();
    return sessions.map(({ id, slots }) => `${id[0]}${slots.length}`).join(" ");
  };

  expect(kept(2 * hour)).toBe("a1 b0 c0 d0");
  expect(kept(170 * hour)).toBe("a0 b0 c0 d0");
  expect(kept(32 * 24 * hour)).toBe("d0");
  expect(shown(totals.step([killed.at(33 * 24 * hour, { x_total: 4 })]))).toEqual([
    `${33 * 24 * hour} x_total 3`,
  ]);
});

test("a series that a full frame did not have yet counts from zero, start frame or not", () => {
  const a = session("a");
  a.skip();
  const totals = createTotals({ project: asItIs });

  const samples = stepAll(totals, [a.at(1000, { x_total: 7 }), a.at(2000, { x_total: 7, y_total: 3 })]);

  expect(shown(samples)).toEqual(["1000 x_total 0", "2000 x_total 0", "1000 y_total 0", "2000 y_total 3"]);
});

for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`a counter at ${odd} is withheld and does not stay in later totals`, () => {
    const a = session("a");
    const b = session("b", { startedMs: 5000 });
    const totals = createTotals({ project: asItIs });

    const samples = stepAll(totals, [
      a.start(1000),
      a.at(2000, { x_total: 5 }),
      a.at(3000, { x_total: odd }, { exit: true }),
      b.start(5000),
      b.at(6000, { x_total: odd }),
      b.at(7000, { x_total: 2 }),
    ]);

    expect(shown(samples)).toEqual(["1000 x_total 0", "2000 x_total 5", "7000 x_total 7"]);
    expect(totals.withheld()).toEqual([{ reason: "not_a_number", series: 1, samples: 2 }]);
  });
}

test("a changed type leaves one series behind, which the old version's end does not end", () => {
  const a = session("a", { version: "v1" });
  const b = session("b", { version: "v2", startedMs: 2500 });
  const totals = createTotals({ project: asItIs });

  const samples = stepAll(totals, [
    a.start(1000),
    a.at(2000, { x: 4 }, { exit: true }),
    b.start(2500),
    b.at(3000, { x: 9 }, { types: { x: "gauge" } }),
  ]);

  expect(shown(samples)).toEqual(["1000 x 0", "2000 x 4", "3000 x 9"]);
  expect(shown(totals.latest())).toEqual(["3000 x 9"]);
});

test("a gauge follows the rule of the session that came last", () => {
  const a = session("a", { gauges: { g: { sessions: "max" } } });
  const b = session("b", { gauges: { g: { sessions: "sum" } } });
  const totals = createTotals({ project: asItIs });

  const samples = stepAll(totals, [a.at(1000, { g: 5 }, gauge), b.at(1500, { g: 2 }, gauge)]);

  expect(shown(samples)).toEqual(["1000 g 5", "1500 g 7"]);
});

test("the latest state of a scraped page is the same after a restore, and not of an older page", () => {
  const a = session("a", { origin: "scrape" });
  const totals = createTotals({ project: asItIs });
  const [early, late] = [a.at(1000, { x: 1, gone: 1 }), a.at(2000, { x: 2 })];
  stepAll(totals, [early, late]);
  totals.step([early]);
  const restored = createTotals({
    project: asItIs,
    checkpoint: JSON.parse(JSON.stringify(totals.checkpoint())),
  });

  expect(shown(totals.latest())).toEqual(["2000 x 2"]);
  expect(shown(restored.latest())).toEqual(["2000 x 2"]);
});

test("a gauge of a session that ended before it came late is not the latest state", () => {
  const a = session("a");
  const b = session("b");
  const totals = createTotals({ project: asItIs });
  stepAll(totals, [b.start(50_000)]);

  totals.fold(a.at(1000, { g: 1 }, gauge), { late: true });

  expect([...totals.latest()]).toEqual([]);
});

test("info that is lost later does not undo what was known of a session", () => {
  const a = session("a", { version: "v1" });
  const totals = createTotals({ project: withVersion });
  const lost = (frame: Frame): Frame => ({
    ...frame,
    info: { startedMs: 3000, intervalMs: 300_000, lost: true },
  });

  const samples = stepAll(totals, [
    a.start(1000),
    lost(a.at(2000, { x_total: 1 })),
    lost(a.at(3000, { x_total: 2 })),
  ]);

  expect(shown(samples)).toEqual([
    '1000 x_total{version="v1"} 0',
    '2000 x_total{version="v1"} 1',
    '3000 x_total{version="v1"} 2',
  ]);
});

/** A few sessions of a program with a counter, a gauge and a histogram: integers, so that sums are exact. */
const histories = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 20 }),
      steps: fc.array(
        fc.record({ grow: fc.nat(5), waits: fc.integer({ min: 1, max: 4 }), isReset: fc.boolean() }),
        { maxLength: 6 },
      ),
      exits: fc.boolean(),
      version: fc.constantFrom("v1", "v2"),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((runs) =>
    runs.flatMap(({ startMs, steps, exits, version }, index) => {
      const run = session(`s${index}`, { startedMs: startMs * 1000, version });
      const frames = [run.start(startMs * 1000)];
      let count = 0;
      let atMs = startMs * 1000;
      steps.forEach(({ grow, waits, isReset }, i) => {
        count = (isReset ? 0 : count) + grow;
        atMs += waits * 1000;
        const values = {
          x_total: count,
          g: grow,
          'h_bucket{le="1"}': count,
          'h_bucket{le="+Inf"}': 2 * count,
          h_sum: count,
          h_count: 2 * count,
        };
        const isLast = exits && i === steps.length - 1;
        frames.push(run.at(atMs, values, { types: { g: "gauge", h: "histogram" }, exit: isLast }));
      });
      return frames;
    }),
  )
  .map((frames) => [...frames].sort((a, b) => a.header.writtenMs - b.header.writtenMs));

const withVersion: Projection = ({ name, labels }, { session: { version = "" } }) => ({
  name,
  labels: [...labels, { name: "version", value: version }],
});

test("totals are the same however the frames are cut into uploads", () => {
  fc.assert(
    fc.property(histories, fc.nat(40), (frames, cutMs) => {
      const whole = shown(stepAll(createTotals({ project: withVersion }), frames));
      const before = frames.filter((frame) => frame.header.writtenMs <= cutMs * 1000);
      const after = frames.slice(before.length);

      const first = createTotals({ project: withVersion });
      const sent = shown(stepAll(first, before));
      const resumed = createTotals({ project: withVersion });
      for (const frame of before) resumed.fold(frame, { late: false });
      const restored = createTotals({
        project: withVersion,
        checkpoint: JSON.parse(JSON.stringify(first.checkpoint())),
      });

      expect([...sent, ...shown(stepAll(resumed, after))]).toEqual(whole);
      expect([...sent, ...shown(stepAll(restored, after))]).toEqual(whole);
    }),
  );
});

test("a counter's total never falls and ends at the sum of what its sessions counted", () => {
  fc.assert(
    fc.property(histories, (frames) => {
      const last = new Map<string, number>();
      for (const { series, value } of stepAll(createTotals({ project: asItIs }), frames)) {
        if (series.name !== "x_total" || typeof value !== "number") continue;
        expect(value).toBeGreaterThanOrEqual(last.get("x_total") ?? 0);
        last.set("x_total", value);
      }
      expect(last.get("x_total") ?? 0).toBe(sumOfGrowth(frames));
    }),
  );
});

/** By hand: every rise, and the whole value after a fall. */
function sumOfGrowth(frames: readonly Frame[]): number {
  const last = new Map<string, number>();
  let sum = 0;
  for (const { header, families } of frames) {
    const family = families.find(({ name }) => name === "x_total");
    if (!family) continue;
    const value = family.values[0]!;
    const before = last.get(header.session) ?? 0;
    sum += value < before ? value : value - before;
    last.set(header.session, value);
  }
  return sum;
}

test("a series that a partial frame lacks is a baseline where nothing is known of it before", () => {
  const a = session("a");
  a.skip();
  const totals = createTotals({ project: asItIs });
  totals.step([a.at(1000, { x_total: 5 }, { kind: "changes", partial: true })]);

  expect(shown(totals.step([a.at(2000, { x_total: 6, y_total: 100 })]))).toEqual([
    "2000 x_total 1",
    "1000 y_total 0",
    "2000 y_total 0",
  ]);
});

test("a series that shows up behind a missing frame has counted from zero where all before are known", () => {
  const a = session("a");
  const totals = createTotals({ project: asItIs });
  totals.step([a.start(1000)]);
  a.skip();
  totals.step([a.at(2000, { x_total: 5 }, { kind: "changes", partial: true })]);

  expect(shown(totals.step([a.at(3000, { x_total: 6, y_total: 7 })]))).toEqual([
    "3000 x_total 6",
    "2000 y_total 0",
    "3000 y_total 7",
  ]);
});

test("a histogram's reset is forgotten by a partial frame without its count", () => {
  const types = { h: "histogram" } as const;
  const a = session("a");
  const totals = createTotals({ project: asItIs });
  totals.step([a.start(1000)]);
  totals.step([a.at(2000, { h_sum: 9, h_count: 3 }, { types })]);
  totals.step([a.at(3000, { h_sum: 4, h_count: 1 }, { types })]);
  a.skip();
  const samples = totals.step([a.at(4000, { h_sum: 5 }, { types, kind: "changes", partial: true })]);

  expect(shown(samples)).toEqual(["4000 h_sum 14"]);
});

for (const [rule, expected] of [
  ["latest", ["1000 g 4", "1500 g 10", "2000 g 1"]],
  ["first", ["1000 g 4", "1500 g 4", "2000 g 1"]],
  ["sum", ["1000 g 4", "1500 g 14", "2000 g 11"]],
  ["average", ["1000 g 4", "1500 g 7", "2000 g 5.5"]],
  ["min", ["1000 g 4", "1500 g 4", "2000 g 1"]],
  ["max", ["1000 g 4", "1500 g 10", "2000 g 10"]],
  ["omit", []],
] as const) {
  test(`a gauge of two sessions under the rule ${rule}`, () => {
    const gauges = { g: { sessions: rule } };
    const a = session("a", { gauges });
    const b = session("b", { gauges, startedMs: 500 });
    const totals = createTotals({ project: asItIs });

    const samples = stepAll(totals, [
      a.at(1000, { g: 4 }, gauge),
      b.at(1500, { g: 10 }, gauge),
      a.at(2000, { g: 1 }, gauge),
    ]);

    expect(shown(samples)).toEqual(expected);
  });
}

test("a summary's quantiles are the latest, its sum and count add up", () => {
  const types = { s: "summary" } as const;
  const a = session("a");
  const b = session("b", { startedMs: 2500 });
  const totals = createTotals({ project: asItIs });

  const samples = stepAll(totals, [
    a.start(1000),
    a.at(2000, { 's{quantile="0.5"}': 7, s_sum: 14, s_count: 2 }, { types, exit: true }),
    b.start(2500),
    b.at(3000, { 's{quantile="0.5"}': 9, s_sum: 9, s_count: 1 }, { types }),
  ]);

  expect(shown(samples)).toEqual([
    '2000 s{quantile="0.5"} 7',
    "1000 s_sum 0",
    "2000 s_sum 14",
    "1000 s_count 0",
    "2000 s_count 2",
    '3000 s{quantile="0.5"} 9',
    "3000 s_sum 23",
    "3000 s_count 3",
  ]);
});

test("the end of a version ends every bucket of its histograms, and the version goes on where it comes back", () => {
  const types = { h: "histogram" } as const;
  const values = (count: number) => ({
    'h_bucket{le="1"}': count,
    'h_bucket{le="+Inf"}': count,
    h_sum: count,
    h_count: count,
  });
  const a = session("a", { version: "v1" });
  const b = session("b", { version: "v2", startedMs: 3000 });
  const c = session("c", { version: "v1", startedMs: 5000 });
  const totals = createTotals({ project: withVersion });
  stepAll(totals, [a.start(1000), a.at(2000, values(3), { types, exit: true }), b.start(3000)]);

  expect(shown(totals.step([b.at(4000, { y_total: 1 })]))).toEqual([
    '3000 y_total{version="v2"} 0',
    '4000 y_total{version="v2"} 1',
    '4000 h_bucket{le="1",version="v1"} stale',
    '4000 h_bucket{le="+Inf",version="v1"} stale',
    '4000 h_sum{version="v1"} stale',
    '4000 h_count{version="v1"} stale',
  ]);
  expect(shown(stepAll(totals, [c.start(5000), c.at(6000, values(2), { types })]))).toEqual([
    '6000 h_bucket{le="1",version="v1"} 5',
    '6000 h_bucket{le="+Inf",version="v1"} 5',
    '6000 h_sum{version="v1"} 5',
    '6000 h_count{version="v1"} 5',
  ]);
});

test("thousands of sessions at once add up to the last bit, whole numbers or not", () => {
  const totals = createTotals({ project: asItIs });
  const all = Array.from({ length: 300 }, (_, i) => session(`s${i}`, { intervalMs: 1e6 }));
  let ints = 0;
  let floats = 0;
  stepAll(
    totals,
    all.map((each, i) => each.start(1000 + i)),
  );
  for (const [i, each] of all.entries()) {
    ints += i;
    floats += i / 7;
    const values = { x_total: i, f_total: i / 7 };
    const [x, f] = [...totals.step([each.at(2000 + i, values, { exit: i % 2 === 0 })])].filter(
      ({ value }) => value !== 0,
    );
    if (i > 0) expect(x?.value).toBe(ints);
    if (i > 0) expect(f?.value).toBeCloseTo(floats, 6);
  }
});
