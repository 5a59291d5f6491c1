import { expect, test } from "vitest";
import { session, shown } from "../../test/session-frames.ts";
import type { Frame } from "../journal/frame.ts";
import type { Projection } from "./projection.ts";
import { createTotals } from "./totals.ts";

const PERIOD_MS = 10_000;
/** Another user in each period, as a rotating identity has it. */
const byPeriod: Projection = Object.assign(
  ((series, { periodMs }) => ({
    name: series.name,
    labels: [...series.labels, { name: "user", value: `u${periodMs}` }],
  })) satisfies Projection,
  { periodOf: (atMs: number) => Math.floor(atMs / PERIOD_MS) * PERIOD_MS },
);

const types = { h: "histogram", g: "gauge" } as const;

function* frames(): Generator<Frame> {
  const a = session("aaaaaaaa", { intervalMs: 3000 });
  const b = session("bbbbbbbb", { intervalMs: 3000 });
  yield a.start(2000);
  yield a.at(5000, { x_total: 5, g: 1 }, { types });
  yield b.start(6000);
  yield b.at(7000, { x_total: 100 }, { exit: true });
  yield a.at(9000, { x_total: 7, g: 2 }, { types });
  yield a.at(12_000, { x_total: 8, g: 3, y_total: 4 }, { types });
  yield a.at(15_000, { x_total: 2, g: 4, y_total: 4 }, { types });
}

const EXPECTED = [
  '2000 x_total{user="u0"} 0',
  '5000 x_total{user="u0"} 5',
  '5000 g{user="u0"} 1',
  '7000 x_total{user="u0"} 105',
  '9000 x_total{user="u0"} 107',
  '9000 g{user="u0"} 2',
  '10000 x_total{user="u10000"} 0',
  '12000 x_total{user="u10000"} 1',
  '12000 g{user="u10000"} 3',
  '10000 y_total{user="u10000"} 0',
  '12000 y_total{user="u10000"} 4',
  '15000 x_total{user="u10000"} 3',
  '15000 g{user="u10000"} 4',
  '15000 y_total{user="u10000"} 4',
];

test("with a new period series are named anew, and totals begin at 0 where it begins; nothing is lost", () => {
  const totals = createTotals({ project: byPeriod });
  expect([...frames()].flatMap((frame) => shown(totals.step([frame]))).sort()).toEqual([...EXPECTED].sort());
  expect(shown(totals.latest()).every((line) => line.includes("u10000"))).toBe(true);
});

test("where uploads are cut makes no difference", () => {
  const all = [...frames()];
  for (let cut = 0; cut <= all.length; cut++) {
    const first = createTotals({ project: byPeriod });
    const before = all.slice(0, cut).flatMap((frame) => shown(first.step([frame])));
    const checkpoint = JSON.parse(JSON.stringify(first.checkpoint()));
    const second = createTotals({ project: byPeriod, checkpoint });
    const after = all.slice(cut).flatMap((frame) => shown(second.step([frame])));
    expect([...before, ...after].sort(), `cut at ${cut}`).toEqual([...EXPECTED].sort());
  }
});

test("a histogram counts on over the border, in buckets, sum and count", () => {
  const c = session("cccccccc", { intervalMs: 3000 });
  const totals = createTotals({ project: byPeriod });
  const at = (atMs: number, low: number, all: number, sum: number) =>
    shown(
      totals.step([
        c.at(
          atMs,
          { 'h_bucket{le="1"}': low, 'h_bucket{le="+Inf"}': all, h_sum: sum, h_count: all },
          { types },
        ),
      ]),
    );
  totals.step([c.start(8000)]);
  at(9000, 3, 5, -2);
  expect(at(11_000, 4, 7, -5).sort()).toEqual(
    [
      '10000 h_bucket{le="1",user="u10000"} 0',
      '10000 h_bucket{le="+Inf",user="u10000"} 0',
      '10000 h_count{user="u10000"} 0',
      '10000 h_sum{user="u10000"} 0',
      '11000 h_bucket{le="1",user="u10000"} 1',
      '11000 h_bucket{le="+Inf",user="u10000"} 2',
      '11000 h_count{user="u10000"} 2',
      '11000 h_sum{user="u10000"} -3',
    ].sort(),
  );
});

test("a session that was silent over the border and writes again is a baseline", () => {
  const d = session("dddddddd", { intervalMs: 1000 });
  const e = session("eeeeeeee", { intervalMs: 1000, startedMs: 1 });
  const totals = createTotals({ project: byPeriod });
  for (const frame of [d.start(1000), d.at(2000, { x_total: 50 }), e.start(11_000)]) totals.step([frame]);
  expect(shown(totals.step([d.at(12_000, { x_total: 60 })]))).toContain('12000 x_total{user="u10000"} 0');
});
