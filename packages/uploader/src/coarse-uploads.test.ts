import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { createJournalWriter } from "@promferry/core/journal";
import { type Coarseness, coarsely } from "@promferry/core/merge";
import { createSeriesDictionary } from "@promferry/core/series";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { isOff, processesOf } from "../test/dying-fs.ts";
import { createFaultyUploads, type Fault, faultsUpTo } from "../test/faults.ts";
import {
  asItIs,
  createReceiver,
  createTestBed,
  DAY,
  HOUR,
  MINUTE,
  NOON,
  type TestBed,
} from "../test/harness.ts";
import { LedgerError, nodeUploadFs, readLedger, type UploadFs } from "./index.ts";

const A = "aaaaaaaa";
const B = "bbbbbbbb";

function coarse(coarseness: Coarseness, options: Parameters<typeof createReceiver>[0] = {}) {
  const destination = createReceiver(options);
  return { destination, targets: [{ destination, project: coarsely(asItIs, coarseness) }] };
}

/** A run from `fromMs` on that counts by one every ten minutes, `times` times. */
async function count(bed: TestBed, session: string, fromMs: number, times: number): Promise<void> {
  await bed.write(session, fromMs, "start");
  for (let i = 1; i <= times; i++) await bed.write(session, fromMs + i * 10 * MINUTE, { a_total: i });
}

async function cursorOf(bed: TestBed): Promise<Record<string, number>> {
  const ledger = await readLedger(bed.dir, nodeUploadFs);
  return Object.fromEntries(ledger.destinations.get("store")?.cursor ?? []);
}

test("a frame waits until its step is over and ten seconds more, and is not settled before", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR });
  await count(bed, A, NOON + MINUTE, 5);

  bed.nowMs = NOON + HOUR + 9_000;
  const early = await bed.upload({ targets });
  expect(early.destinations[0]).toMatchObject({ accepted: 0, waitingFrames: 6 });
  expect(await cursorOf(bed)).toEqual({});

  for (const more of [6, 7, 8]) await bed.write(A, NOON + (10 * more + 1) * MINUTE, { a_total: more });
  bed.nowMs = NOON + HOUR + 10_000;
  const first = await bed.upload({ targets });
  expect(destination.samples).toEqual(["a_total 0@0", `a_total 5@${HOUR}`]);
  expect(first.destinations[0]).toMatchObject({ accepted: 2, waitingFrames: 1 });
  expect(await cursorOf(bed)).toEqual({ [A]: 5 });

  bed.nowMs = NOON + 2 * HOUR + 10_000;
  await bed.upload({ targets });
  expect(destination.samples.slice(2)).toEqual([`a_total 8@${2 * HOUR}`]);
  expect(await cursorOf(bed)).toEqual({ [A]: 8 });
});

test("sendNow takes a step that is just over, and none that is not", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR });
  await count(bed, A, NOON + MINUTE, 8);
  bed.nowMs = NOON + HOUR - 1;
  await bed.upload({ targets, sendNow: true });
  expect(destination.samples).toEqual([]);
  bed.nowMs = NOON + HOUR;
  await bed.upload({ targets, sendNow: true });
  expect(destination.samples).toEqual(["a_total 0@0", `a_total 5@${HOUR}`]);
});

test("frames that come after their step was sent show in the next step, or at the next one's end", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR });
  await count(bed, A, NOON + MINUTE, 4);
  bed.nowMs = NOON + HOUR + MINUTE;
  await bed.upload({ targets });
  await count(bed, B, NOON + 2 * MINUTE, 3);
  bed.nowMs = NOON + HOUR + 2 * MINUTE;
  const late = await bed.upload({ targets });
  expect(late.destinations[0]).toMatchObject({ accepted: 0, lateFrames: 4 });
  bed.nowMs = NOON + 2 * HOUR + MINUTE;
  await bed.upload({ targets });
  expect(destination.samples).toEqual(["a_total 0@0", `a_total 4@${HOUR}`, `a_total 7@${2 * HOUR}`]);
  await bed.upload({ targets });
  expect(destination.samples).toHaveLength(3);
});

test("a destination without history has the state of the last whole step", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR, roundCounts: 2 }, { keepsHistory: false });
  await count(bed, A, NOON + MINUTE, 8);
  // A frame of the next step lies before it.
  bed.nowMs = NOON + HOUR + 5 * MINUTE;
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`a_total 4@${HOUR}`]);
  expect(await cursorOf(bed)).toEqual({ [A]: 5 });
  const { destinations } = await readLedger(bed.dir, nodeUploadFs);
  expect(destinations.get("store")?.newestMs).toBe(NOON + HOUR);
  bed.nowMs = NOON + 2 * HOUR + MINUTE;
  await bed.upload({ targets });
  expect(destination.samples.slice(1)).toEqual([`a_total 8@${2 * HOUR}`]);
});

test("a scraped page goes at its own time, and makes no frame of a program late", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR, roundCounts: 5, minimumCount: 5 });
  const page = createJournalWriter({
    dir: bed.dir,
    session: "cccccccc",
    info: { startedMs: NOON, intervalMs: MINUTE },
    origin: "scrape",
    consent: "user",
    dayBoundary: "utc",
    now: () => NOON,
    monotonicMs: () => 0,
  });
  const series = [createSeriesDictionary().intern("page_total", [])];
  const family = {
    name: "page_total",
    type: "counter",
    help: "",
    unit: "",
    series,
    timestampsMs: [Number.NaN],
  } as const;
  await count(bed, A, NOON + MINUTE, 11);
  for (const minutes of [33, 77]) {
    const families = [{ ...family, series, values: [minutes], timestampsMs: [Number.NaN] }];
    await page.write({ kind: "full", families, atMs: NOON + minutes * MINUTE });
  }
  bed.nowMs = NOON + 34 * MINUTE;
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`page_total 33@${33 * MINUTE}`]);
  bed.nowMs = NOON + 2 * HOUR + MINUTE;
  const { destinations } = await bed.upload({ targets });
  expect(destinations[0]).toMatchObject({ lateFrames: 0 });
  expect(destination.samples.slice(1).sort()).toEqual([
    "a_total 0@0",
    `a_total 10@${2 * HOUR}`,
    `a_total 5@${HOUR}`,
    `page_total 77@${77 * MINUTE}`,
  ]);
});

test("deleted days, force and another session change nothing that coarse totals say", async (context) => {
  const bed = await createTestBed(context);
  const coarseness = { roundCounts: 5, minimumCount: 10, timeStepMs: 6 * HOUR };
  const { destination, targets } = coarse(coarseness);
  await count(bed, A, NOON, 8);
  await utimes(join(bed.dir, "2025-10-06.prom"), new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 3 * DAY;
  const cleaned = await bed.upload({ targets, cleanup: {} });
  expect(cleaned.deleted).toHaveLength(1);
  expect(destination.samples).toEqual([]);
  await count(bed, B, NOON + 3 * DAY, 9);
  bed.nowMs = NOON + 4 * DAY;
  await bed.upload({ targets });
  const shown = [`a_total 0@${3 * DAY}`, `a_total 15@${3 * DAY + 6 * HOUR}`];
  expect(destination.samples).toEqual(shown);
  const again = coarse(coarseness);
  await bed.upload({ targets: again.targets, force: true });
  expect(again.destination.samples).toEqual(shown);
});

test("after a longer step was set, what was sent counts on, and force sends the steps that are over", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: 15 * MINUTE });
  await count(bed, A, NOON, 9);
  bed.nowMs = NOON + 2 * HOUR;
  await bed.upload({ targets });
  expect(destination.samples.at(-1)).toBe(`a_total 9@${105 * MINUTE}`);
  const longer = coarse({ timeStepMs: HOUR });
  bed.nowMs = NOON + 100 * MINUTE;
  await bed.upload({ targets: longer.targets, force: true });
  expect(longer.destination.samples).toEqual(["a_total 0@0", `a_total 5@${HOUR}`]);
  await bed.write(A, NOON + 125 * MINUTE, { a_total: 12 });
  bed.nowMs = NOON + 3 * HOUR + MINUTE;
  await bed.upload({ targets: longer.targets });
  expect(longer.destination.samples.slice(2)).toEqual([`a_total 12@${3 * HOUR}`]);
});

test("with collapse, the first step inside the bound shows all that came before it, after a 0 on a step", async (context) => {
  const bed = await createTestBed(context);
  const { destination, targets } = coarse({ timeStepMs: HOUR });
  await bed.write(B, NOON, "start");
  await bed.write(B, NOON + 8 * HOUR + MINUTE, { b_total: 3 });
  await count(bed, A, NOON, 60);
  bed.nowMs = NOON + 10 * HOUR + 30 * MINUTE;
  await bed.upload({ targets: [{ ...targets[0]!, maxAgeMs: 3 * HOUR, onTooOld: "collapse" }] });
  expect(destination.samples).toEqual([
    `a_total 0@${8 * HOUR}`,
    `a_total 53@${9 * HOUR}`,
    `a_total 59@${10 * HOUR}`,
    `b_total 0@${8 * HOUR}`,
    `b_total 3@${9 * HOUR}`,
  ]);
});

const faults = faultsUpTo({ writes: 40, sends: 3 });

const coarsenesses: fc.Arbitrary<Coarseness> = fc
  .record({
    roundCounts: fc.constantFrom(undefined, 3),
    minimumCount: fc.constantFrom(undefined, 4),
    timeStepMs: fc.constantFrom(undefined, 15 * MINUTE, HOUR),
  })
  .map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)));

test("whatever dies when, many uploads say what one says, and what is sent again is the same bytes", {
  timeout: 60_000,
}, async (context) => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ fault: faults, grows: fc.nat(4) }), { minLength: 1, maxLength: 7 }),
    coarsenesses,
    fc.integer({ min: 1, max: 5 }),
    async (rounds, coarseness, maxSamples) => {
      const { once, bed } = await manyUploads(context, rounds, coarseness, maxSamples);
      const whole = coarse(coarseness, { name: "whole" });
      await bed.upload({ targets: whole.targets });
      expect([...once].sort()).toEqual([...whole.destination.samples].sort());
      for (const line of once) {
        const [, value, ms] = /^\S+ (\d+)@(-?\d+)$/.exec(line) ?? [];
        const { roundCounts = 1, minimumCount = 0, timeStepMs = 1 } = coarseness;
        expect(Number(value) % roundCounts).toBe(0);
        expect(Number(value) === 0 || Number(value) >= minimumCount).toBe(true);
        expect(Math.abs((NOON + Number(ms)) % timeStepMs)).toBe(0);
      }
    },
  );
  await fc.assert(property, { numRuns: 10 });
});

test("late runs, crashes and coarse totals together send no time twice, no falling count, and lose none", {
  timeout: 60_000,
}, async (context) => {
  const round = fc.record({ fault: faults, lateByMs: fc.integer({ min: 1, max: 90 * MINUTE }) });
  const property = fc.asyncProperty(
    fc.array(round, { minLength: 1, maxLength: 6 }),
    coarsenesses,
    async (rounds, coarseness) => {
      const bed = await createTestBed(context);
      const faulty = createFaultyUploads();
      const { targets } = coarse(coarseness, {
        maxSamples: 2,
        answer: faulty.answer,
      });
      for (const [i, each] of rounds.entries()) {
        const at = NOON + 2 * HOUR + i * 20 * MINUTE;
        const late = `${i}`.repeat(8);
        await bed.write(late, at - each.lateByMs, "start");
        await bed.write(late, at - each.lateByMs + 1, { a_total: 2 });
        bed.nowMs = at + MINUTE;
        await uploadOnce(bed, targets, faulty.begin(each.fault), i);
      }
      faulty.begin({ kind: "none" });
      for (let hours = 1; hours <= 3; hours++) {
        bed.nowMs += HOUR;
        await uploadOnce(bed, targets, nodeUploadFs, 100);
      }
      const { roundCounts = 1, minimumCount = 0 } = coarseness;
      const total = 2 * rounds.length - ((2 * rounds.length) % roundCounts);
      const parsed = faulty.once.map((line) => /^a_total (\d+)@(-?\d+)$/.exec(line)!.slice(1).map(Number));
      for (const [i, [value, ms]] of parsed.entries()) {
        if (i === 0) continue;
        expect(value).toBeGreaterThanOrEqual(parsed[i - 1]![0]!);
        expect(ms).toBeGreaterThan(parsed[i - 1]![1]!);
      }
      expect(parsed.at(-1)?.[0] ?? 0).toBe(total < minimumCount ? 0 : total);
    },
  );
  await fc.assert(property, { numRuns: 10 });
});

async function uploadOnce(
  bed: TestBed,
  targets: ReturnType<typeof coarse>["targets"],
  fs: UploadFs,
  pid: number,
): Promise<void> {
  await bed.upload({ targets, fs, processes: processesOf(pid + 1), timeoutMs: 0 }).catch((error: unknown) => {
    if (!(error instanceof LedgerError || isOff(error))) throw error;
  });
}

async function manyUploads(
  context: TestContext,
  rounds: readonly { readonly fault: Fault; readonly grows: number }[],
  coarseness: Coarseness,
  maxSamples: number,
): Promise<{ once: readonly string[]; bed: TestBed }> {
  const bed = await createTestBed(context);
  const faulty = createFaultyUploads();
  const { targets } = coarse(coarseness, { maxSamples, answer: faulty.answer });
  const totals = { [A]: 0, [B]: 0 };
  for (const [i, round] of [...rounds, { fault: { kind: "none" } as Fault, grows: 1 }].entries()) {
    const at = NOON + i * 10 * MINUTE;
    for (const [session, behindMs] of [[A, 0] as const, [B, 1000] as const]) {
      if (i === 0) await bed.write(session, at + behindMs - 1, "start");
      totals[session] += round.grows;
      await bed.write(session, at + behindMs, {
        a_total: totals[session],
        [`${session}_total`]: totals[session],
      });
    }
    bed.nowMs = at + MINUTE;
    await uploadOnce(bed, targets, faulty.begin(round.fault), i);
  }
  faulty.begin({ kind: "none" });
  bed.nowMs += 2 * HOUR;
  await uploadOnce(bed, targets, nodeUploadFs, 100);
  return { once: faulty.once, bed };
}
