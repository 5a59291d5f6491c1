import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import type { Projection } from "@promferry/core/merge";
import { createLabelCap } from "@promferry/privacy";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { dyingFs, processesOf } from "../test/dying-fs.ts";
import { createReceiver, createTestBed, HOUR, MINUTE, NOON } from "../test/harness.ts";
import { LedgerError, nodeUploadFs, readLedger } from "./index.ts";

const VALUES = ["a", "b", "c", "d", "e"] as const;
const MAX = 2;

const round = fc.record({
  /** Counted by a program that runs on, and by one whose frames come late. */
  counts: fc.array(fc.constantFrom(...VALUES), { maxLength: 3 }),
  late: fc.array(fc.constantFrom(...VALUES), { maxLength: 2 }),
  fault: fc.oneof(
    fc.constant({ kind: "none" as const }),
    fc.record({
      kind: fc.constant("fs" as const),
      write: fc.integer({ min: 1, max: 40 }),
      after: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("answer" as const), send: fc.integer({ min: 1, max: 4 }) }),
  ),
  force: fc.boolean(),
  deletes: fc.boolean(),
});

/** As every process begins: with nothing but what the ledger has. */
function capped(): Projection {
  const { filter, memory } = createLabelCap({ max: MAX });
  return Object.assign(((series, context) => filter(series, context)) satisfies Projection, { memory });
}

async function upholds(context: TestContext, rounds: readonly Round[], maxSamples: number): Promise<void> {
  const bed = await createTestBed(context);
  const expected = new Map<string, number>(VALUES.map((value) => [value, 0]));
  const running: Record<string, number> = {};
  let fault: Round["fault"] = { kind: "none" };
  let sends = 0;
  let lost: string | undefined;
  const receiver = createReceiver({
    maxSamples,
    withLabels: true,
    answer(_, __, body) {
      sends++;
      if (lost !== undefined) expect(body).toBe(lost);
      lost = undefined;
      if (fault.kind !== "answer" || sends !== fault.send) return "take";
      lost = body;
      return {
        error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true }),
        takes: true,
      };
    },
  });
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (const [i, { counts, late, ...each }] of [...rounds, REST].entries()) {
    const atMs = NOON + i * 30 * HOUR;
    for (const value of counts) {
      running[seriesOf(value)] = (running[seriesOf(value)] ?? 0) + 1;
      expected.set(value, expected.get(value)! + 1);
    }
    await bed.write("aaaaaaaa", atMs, running);
    if (late.length > 0) {
      const session = `1a7e${String(i).padStart(4, "0")}`;
      const shown = Object.fromEntries(late.map((value) => [seriesOf(value), 1]));
      for (const value of new Set(late)) expected.set(value, expected.get(value)! + 1);
      // Earlier than what the round before has sent.
      await bed.write(session, atMs - 32 * HOUR, "start");
      await bed.write(session, atMs - 31 * HOUR, shown);
      await bed.write(session, atMs - 31 * HOUR + MINUTE, "exit");
    }
    fault = each.fault;
    sends = 0;
    // What is sent again on purpose may be another request than the one in doubt.
    if (each.force) lost = undefined;
    const fs = fault.kind === "fs" ? dyingFs(fault.write, fault.after) : nodeUploadFs;
    const options = { fs, processes: processesOf(i + 1), timeoutMs: 0, force: each.force };
    const targets = [{ destination: receiver, project: capped() }];
    await bed
      .upload({ targets, ...options, ...(each.deletes ? { cleanup: {} } : {}) })
      .catch((error: unknown) => {
        if (!(error instanceof LedgerError || isOff(error))) throw error;
      });
  }

  const latest = latestOf(receiver.samples);
  const admitted = VALUES.filter((value) => latest.has(value));
  expect(admitted.length).toBeLessThanOrEqual(MAX);
  const kept = (await readLedger(bed.dir, nodeUploadFs)).destinations.get("store")?.admitted;
  expect(Object.keys(kept ?? {})).toEqual(admitted.length > 0 ? ["x_total"] : []);
  expect(kept?.["x_total"]?.["v"] ?? []).toEqual(expect.arrayContaining(admitted));
  // Had a value been itself and then other, or the other way round, its own series would lack some of it.
  for (const value of admitted) expect([value, latest.get(value)]).toEqual([value, expected.get(value)]);
  const rest = VALUES.filter((value) => !admitted.includes(value));
  expect(latest.get("other") ?? 0).toBe(rest.reduce((sum, value) => sum + expected.get(value)!, 0));
}

type Round = typeof round extends fc.Arbitrary<infer T> ? T : never;
const REST: Round = { counts: [], late: [], fault: { kind: "none" }, force: false, deletes: false };

function seriesOf(value: string): string {
  return `x_total{v="${value}"}`;
}

/** By value, the newest sample. */
function latestOf(samples: readonly string[]): Map<string, number> {
  const newest = new Map<string, readonly [atMs: number, value: number]>();
  for (const line of samples) {
    const [, label = "", value, at] = /v="(\w+)"\} (\d+)@(-?\d+)$/.exec(line)!;
    if (Number(at) >= (newest.get(label)?.[0] ?? Number.NEGATIVE_INFINITY))
      newest.set(label, [Number(at), Number(value)]);
  }
  return new Map(Array.from(newest, ([label, [, value]]) => [label, value]));
}

function isOff(error: unknown): boolean {
  return error instanceof Error && error.message === "the machine is off";
}

test("whatever dies, comes late, is deleted or is sent again, a value stays what a destination was shown of it", {
  timeout: 60_000,
}, async (context) => {
  const property = fc.asyncProperty(
    fc.array(round, { minLength: 1, maxLength: 6 }),
    fc.integer({ min: 1, max: 5 }),
    (rounds, maxSamples) => upholds(context, rounds, maxSamples),
  );
  await fc.assert(property, { numRuns: 20 });
});

for (const keepsHistory of [true, false]) {
  const kind = keepsHistory ? "keeps history" : "keeps the latest state only";
  test(`what a destination that ${kind} will see is on the disk before it sees it`, async (context) => {
    const bed = await createTestBed(context);
    const seen: string[] = [];
    const receiver = createReceiver({
      keepsHistory,
      answer: () => {
        seen.push(
          /"admitted":(\{.*?\}\})/.exec(readFileSync(join(bed.dir, ".uploaded"), "utf8"))?.[1] ?? "nothing",
        );
        return "take";
      },
    });
    for (const [i, value] of (["a", "b", "c"] as const).entries()) {
      const session = `0000000${i}`;
      await bed.write(session, NOON + i * HOUR - 1, "start");
      await bed.write(session, NOON + i * HOUR, { [seriesOf(value)]: 1 });
      await bed.upload({ targets: [{ destination: receiver, project: capped() }] });
    }
    expect(seen).toEqual([
      '{"x_total":{"v":["a"]}}',
      '{"x_total":{"v":["a","b"]}}',
      '{"x_total":{"v":["a","b"]}}',
    ]);
  });
}
