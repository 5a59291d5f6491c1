import { expect, test } from "vitest";
import { type DueInstance, type Hold, type ListTally, planSweep, type SweepInput } from "./sweep.ts";
import { DEFAULT_TIMINGS } from "./timings.ts";

const NOW = 1_000_000_000;
const { leaseMs } = DEFAULT_TIMINGS;
const HOLD_MS = 900_000;
const RECENT = { lastSweepAt: NOW - 5_000, holds: [] };

function due(count: number, changes: Partial<DueInstance> = {}): DueInstance[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `i-${i}`,
    project: "p-1",
    state: "active",
    deadline: NOW,
    lists: ["node"],
    ...changes,
  }));
}

function tallyOf(changes: Partial<ListTally>): ListTally {
  return {
    project: "p-1",
    list: "node",
    served: changes.active ?? 0,
    active: 0,
    overdue: 0,
    justLost: 0,
    leaving: 0,
    justLapsed: 0,
    ...changes,
  };
}

function plan(input: Partial<SweepInput>): ReturnType<typeof planSweep> {
  return planSweep({ now: NOW, state: RECENT, due: [], tally: [], timings: DEFAULT_TIMINGS, ...input });
}

for (const { name, count, tally, lapses } of [
  { name: "one of one is lost", count: 1, tally: { active: 1 }, lapses: true },
  { name: "one of two is lost", count: 1, tally: { active: 2 }, lapses: true },
  { name: "two of two are held: half a list", count: 2, tally: { active: 2 }, lapses: false },
  { name: "two of five are lost", count: 2, tally: { active: 5 }, lapses: true },
  { name: "five of twenty are lost", count: 5, tally: { active: 20 }, lapses: true },
  { name: "six of twenty are held", count: 6, tally: { active: 20 }, lapses: false },
  { name: "ten of a hundred are lost", count: 10, tally: { active: 100 }, lapses: true },
  { name: "eleven of a hundred are held", count: 11, tally: { active: 100 }, lapses: false },
  {
    name: "a trickle counts together",
    count: 2,
    tally: { active: 90, justLost: 10, served: 100 },
    lapses: false,
  },
  { name: "what went long ago does not count", count: 2, tally: { active: 90, served: 100 }, lapses: true },
]) {
  test(`guard: ${name}`, () => {
    const all = due(count);
    const { lapse, held, state } = plan({ due: all, tally: [tallyOf({ overdue: count, ...tally })] });
    const ids = all.map(({ id }) => id);
    expect({ lapse, held }).toEqual(lapses ? { lapse: ids, held: [] } : { lapse: [], held: ids });
    expect(state.lastSweepAt).toBe(NOW);
    expect(state.holds.length > 0).toBe(!lapses);
  });
}

test("the weighing is by the tally, however few of the due are shown", () => {
  const { lapse } = plan({ due: due(1), tally: [tallyOf({ active: 1_000, overdue: 500 })] });
  expect(lapse).toEqual([]);
});

test("a mass in one project holds that project, unless it is a mass of the whole", () => {
  const tally = [tallyOf({ active: 20, overdue: 6 }), tallyOf({ project: "p-2", active: 500, overdue: 1 })];
  const other = due(1, { id: "j-0", project: "p-2" });
  expect(plan({ due: [...due(6), ...other], tally }).lapse).toEqual(["j-0"]);
  const many = tally.map((row) => ({ ...row, active: 20, served: 20, overdue: 5 }));
  const both = [...due(5), ...due(5, { project: "p-2" }).map((entry) => ({ ...entry, id: `j${entry.id}` }))];
  const whole = plan({ due: both, tally: many });
  expect(whole.lapse).toEqual([]);
  expect(whole.state.holds.map(({ project, step }) => [project, step])).toEqual([[null, "lose"]]);
});

test("evidence lets the proven go, and ends the hold when few are left", () => {
  const tally = [tallyOf({ active: 20, overdue: 6 })];
  const some = plan({ due: due(6), tally, down: new Set(["i-0", "i-1"]) });
  expect(some.lapse).toHaveLength(6);
  const large = [tallyOf({ active: 100, overdue: 40 })];
  const few = plan({ due: due(40), tally: large, down: new Set(["i-0", "i-1"]) });
  expect(few.lapse).toEqual(["i-0", "i-1"]);
  expect(few.held).toHaveLength(38);
});

test("a hold ends by time, and does not begin again before the list is calm", () => {
  const mass = { due: due(6), tally: [tallyOf({ active: 20, overdue: 6 })] };
  const first = plan(mass);
  expect(first.lapse).toEqual([]);
  let { state } = first;
  for (let now = NOW + 60_000; now < NOW + HOLD_MS; now += 60_000) {
    const next = planSweep({ now, state, ...mass, timings: DEFAULT_TIMINGS });
    expect(next.lapse).toEqual([]);
    state = next.state;
  }
  const let1 = planSweep({ now: NOW + HOLD_MS, state, ...mass, timings: DEFAULT_TIMINGS });
  expect(let1.lapse).toHaveLength(6);
  const rest = { due: due(3), tally: [tallyOf({ active: 14, overdue: 3, justLost: 6, served: 20 })] };
  const let2 = planSweep({
    now: NOW + HOLD_MS + 5_000,
    state: let1.state,
    ...rest,
    timings: DEFAULT_TIMINGS,
  });
  expect(let2.lapse).toHaveLength(3);
  const calm = planSweep({
    now: NOW + HOLD_MS + 10_000,
    state: let2.state,
    due: [],
    tally: [tallyOf({ active: 20 })],
    timings: DEFAULT_TIMINGS,
  });
  expect(calm.state.holds).toEqual([]);
});

test("heartbeats that return end the hold", () => {
  const held = plan({ due: due(6), tally: [tallyOf({ active: 20, overdue: 6 })] });
  const later = planSweep({
    now: NOW + 5_000,
    state: held.state,
    due: due(1),
    tally: [tallyOf({ active: 20, overdue: 1 })],
    timings: DEFAULT_TIMINGS,
  });
  expect(later).toMatchObject({ lapse: ["i-0"], state: { holds: [] } });
});

for (const { name, awayMs, extendMs } of [
  { name: "an absence", awayMs: leaseMs / 3 + 1, extendMs: leaseMs / 3 + 1 },
  { name: "a day's absence", awayMs: 86_400_000, extendMs: 86_400_000 },
  { name: "a clock that jumped back", awayMs: -leaseMs, extendMs: 0 },
]) {
  test(`${name} lapses nothing, and gives the time back`, () => {
    const hold: Hold = { project: "p-1", list: "node", step: "lose", since: NOW - 1, released: false };
    const state = { lastSweepAt: NOW - awayMs, holds: [hold] };
    expect(plan({ state, due: due(1), tally: [tallyOf({ active: 20, overdue: 1 })] })).toEqual({
      lapse: [],
      held: ["i-0"],
      extendMs,
      state: { lastSweepAt: NOW, holds: [hold] },
    });
  });
}

test("a third of a lease is no absence, and a first sweep has none", () => {
  const mass = { due: due(1), tally: [tallyOf({ active: 20, overdue: 1 })] };
  expect(plan({ ...mass, state: { lastSweepAt: NOW - leaseMs / 3, holds: [] } }).lapse).toEqual(["i-0"]);
  expect(plan({ ...mass, state: undefined }).lapse).toEqual(["i-0"]);
});

for (const { name, state, tally, confirmed, lapses } of [
  { name: "the last of a list stays", state: "lost", tally: { served: 1, leaving: 1 }, lapses: 0 },
  {
    name: "the last of a list goes when an operator confirms",
    state: "lost",
    tally: { served: 1, leaving: 1 },
    confirmed: new Set(["p-1"]),
    lapses: 1,
  },
  {
    name: "confirming another project is no word",
    state: "lost",
    tally: { served: 1, leaving: 1 },
    confirmed: new Set(["p-2"]),
    lapses: 0,
  },
  { name: "half a list waits", state: "lost", tally: { served: 4, active: 2, leaving: 2 }, lapses: 0 },
  { name: "less than half goes", state: "lost", tally: { served: 5, active: 3, leaving: 2 }, lapses: 2 },
  {
    name: "half of what was there before goes no further",
    state: "lost",
    tally: { served: 6, active: 4, leaving: 2, justLapsed: 2 },
    lapses: 0,
  },
  {
    name: "all of a confirmed list go",
    state: "lost",
    tally: { served: 4, leaving: 4 },
    confirmed: "all",
    lapses: 4,
  },
  { name: "a goodbye empties a list", state: "draining", tally: { served: 1 }, lapses: 1 },
  { name: "a tombstone goes", state: "removed", tally: { served: 1, active: 1 }, lapses: 1 },
  { name: "an announcement ends", state: "expected", tally: {}, lapses: 1 },
] as const) {
  test(`removal: ${name}`, () => {
    const count = "leaving" in tally ? tally.leaving : 1;
    const { lapse } = plan({
      due: due(count, { state }),
      tally: [tallyOf(tally)],
      ...(confirmed && { confirmed }),
    });
    expect(lapse).toHaveLength(lapses);
  });
}

test("however long all are silent, one of each list remains", () => {
  const state = {
    lastSweepAt: NOW - 5_000,
    holds: [
      { project: "p-1", list: "node", step: "remove", since: NOW - HOLD_MS, released: true },
      { project: null, list: "node", step: "remove", since: NOW - HOLD_MS, released: true },
    ] as Hold[],
  };
  const all = due(4, { state: "lost" });
  const { lapse, held } = plan({ state, due: all, tally: [tallyOf({ served: 4, leaving: 4 })] });
  expect(lapse).toEqual(["i-0", "i-1", "i-2"]);
  expect(held).toEqual(["i-3"]);
  const down = new Set(all.map(({ id }) => id));
  expect(plan({ state, due: all, tally: [tallyOf({ served: 4, leaving: 4 })], down }).lapse).toHaveLength(3);
});

test("an instance in two lists waits for both", () => {
  const both = due(1, { state: "lost", lists: ["app", "node"] });
  const tally = [
    tallyOf({ list: "app", served: 1, leaving: 1 }),
    tallyOf({ served: 10, active: 9, leaving: 1 }),
  ];
  expect(plan({ due: both, tally }).lapse).toEqual([]);
});
