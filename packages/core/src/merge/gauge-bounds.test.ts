import { expect, test } from "vitest";
import { session, shown } from "../../test/session-frames.ts";
import type { ValueBounds } from "../series/value-bounds.ts";
import type { Projection } from "./projection.ts";
import { createTotals } from "./totals.ts";

const types = { g: "gauge" } as const;
const gauges = { g: { sessions: "sum" } } as const;

const within =
  (bounds: ValueBounds): Projection =>
  ({ name, labels }) => ({ name, labels, bounds });

test("a gauge leaves within its bounds, summed over sessions as it is; a counter has none", () => {
  const a = session("aaaaaaaa", { intervalMs: 3000, gauges });
  const b = session("bbbbbbbb", { intervalMs: 3000, gauges });
  const totals = createTotals({ project: within({ min: 2, max: 5 }) });
  expect(shown(totals.step([a.at(1000, { g: 1 }, { types })]))).toEqual(["1000 g 2"]);
  expect(shown(totals.step([b.at(2000, { g: 3 }, { types })]))).toEqual(["2000 g 4"]);
  expect(shown(totals.step([a.at(3000, { g: 4, x_total: 9 }, { types })]))).toEqual([
    "3000 g 5",
    "1000 x_total 0",
    "3000 x_total 9",
  ]);
  expect(shown(totals.latest())).toEqual(["3000 g 5", "3000 x_total 9"]);
});

test("bounds are of the projection at hand, also for a gauge that goes on from a checkpoint", () => {
  const a = session("aaaaaaaa", { intervalMs: 3000, gauges });
  const first = createTotals({ project: within({ max: 5 }) });
  first.step([a.at(1000, { g: 8 }, { types })]);
  const checkpoint = JSON.parse(JSON.stringify(first.checkpoint()));
  expect(JSON.stringify(checkpoint)).not.toContain("bounds");
  const next = createTotals({ project: within({ max: 7 }), checkpoint });
  expect(shown(next.step([a.at(2000, { g: 9 }, { types })]))).toEqual(["2000 g 7"]);
  const free = createTotals({ project: ({ name, labels }) => ({ name, labels }), checkpoint });
  expect(shown(free.latest())).toEqual(["1000 g 8"]);
});
