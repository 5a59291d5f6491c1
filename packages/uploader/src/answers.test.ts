import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Batch } from "@promferry/core/delivery";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import {
  type Answer,
  asItIs,
  createReceiver,
  createTestBed,
  HOUR,
  MINUTE,
  NOON,
  type TestBed,
} from "../test/harness.ts";
import { nodeUploadFs, readLedger, upload } from "./index.ts";

const rejected = {
  error: new DeliveryError("ERR_DELIVERY_REJECTED", "answered with 400: no such", { status: 400 }),
};
const tooLarge = { error: new DeliveryError("ERR_DELIVERY_TOO_LARGE", "answered with 413", { status: 413 }) };
const overloaded = {
  error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 429", { status: 429 }),
};
const broken = {
  error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 500: bug", {
    status: 500,
    inDoubt: true,
  }),
};
const down = {
  error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 503", { status: 503, inDoubt: true }),
};
const lost = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true }) };

/** The session's first value is its baseline, so that a minute's sample is one less than its number. */
const minutes = [1, 2, 3, 4, 5, 6, 7, 8];

/** Whether the batch holds the sample of this minute. */
const holds = (batch: Batch, minute: number) =>
  batch.series.some((each) => each.timestampsMs.includes(NOON + minute * MINUTE));

interface Case {
  readonly name: string;
  readonly answer: (n: number, batch: Batch) => Answer;
  /** Minutes whose sample arrives; of the eight there are. */
  readonly arrives: readonly number[];
  readonly report: object;
  readonly verdict: number;
  readonly sends?: number;
  /** Lines in `rejected/`. */
  readonly rejections?: readonly object[];
}

const cases: Case[] = [
  {
    name: "413 halves the request and keeps to the size",
    answer: (_, batch) => (batch.sampleCount > 2 ? tooLarge : "take"),
    arrives: minutes,
    report: { accepted: 8, requests: 6 },
    verdict: 0,
  },
  {
    name: "429 twice at the same size halves, once does not",
    answer: (n, batch) => (batch.sampleCount > 4 || n === 3 ? overloaded : "take"),
    arrives: minutes,
    report: { accepted: 8, requests: 5 },
    verdict: 0,
  },
  {
    name: "400 is narrowed down to the samples that are refused",
    answer: (_, batch) => (holds(batch, 3) || holds(batch, 8) ? rejected : "take"),
    arrives: [1, 2, 4, 5, 6, 7],
    report: { accepted: 6, unknown: 0, refused: [{ reason: "answered with 400: no such", count: 2 }] },
    verdict: 3,
    rejections: [
      { outcome: "refused", metric: "a_total", value: 2, ts: NOON + 3 * MINUTE },
      { outcome: "refused", metric: "a_total", value: 7, ts: NOON + 8 * MINUTE },
    ],
  },
  {
    name: "a sample refused inside a batch whose answer was lost before is unknown",
    answer: (n, batch) => (n === 1 ? lost : holds(batch, 3) ? rejected : "take"),
    arrives: [1, 2, 4, 5, 6, 7, 8],
    report: { accepted: 7, unknown: 1, refused: [] },
    verdict: 3,
    rejections: [{ outcome: "unknown", metric: "a_total", value: 2, reason: "answered with 400: no such" }],
  },
  {
    name: "a sample that the receiver fails on is given up once it takes others",
    answer: (_, batch) => (holds(batch, 1) || holds(batch, 6) ? broken : "take"),
    arrives: [2, 3, 4, 5, 7, 8],
    report: { accepted: 6, unknown: 2 },
    verdict: 3,
    rejections: [
      { outcome: "unknown", value: 0 },
      { outcome: "unknown", value: 5 },
    ],
  },
  {
    name: "a receiver that fails on everything costs nothing",
    answer: () => broken,
    arrives: [],
    report: { accepted: 0, unknown: 0, refused: [], failure: { kind: "unavailable", inDoubt: true } },
    verdict: 69,
  },
  {
    name: "a receiver that is down is tried until the time is over",
    answer: () => down,
    arrives: [],
    report: { accepted: 0, unknown: 0, failure: { kind: "unavailable", code: "ERR_DELIVERY_OVERLOADED" } },
    verdict: 69,
    sends: 9,
  },
  {
    name: "404 stops at once",
    answer: () => ({ error: new DeliveryError("ERR_DELIVERY_MISCONFIGURED", "404", { status: 404 }) }),
    arrives: [],
    report: { accepted: 0, failure: { kind: "configuration", inDoubt: false } },
    verdict: 78,
    sends: 1,
  },
  {
    name: "a receipt decides what was accepted, and what it leaves out is unknown",
    answer: () => ({
      receipt: () => ({ accepted: 5, refused: [{ reason: "limit", count: 2 }], unknown: 0 }),
    }),
    arrives: [],
    report: { accepted: 5, unknown: 1, refused: [{ reason: "limit", count: 2 }] },
    verdict: 3,
    rejections: [{ outcome: "refused", count: 2, reason: "limit" }],
  },
  {
    name: "a receipt for more than was sent accounts for what was sent",
    answer: () => ({ receipt: () => ({ accepted: 100, refused: [], unknown: 0 }) }),
    arrives: [],
    report: { accepted: 8, unknown: 0, refused: [] },
    verdict: 0,
  },
  {
    name: "a receipt that does not add up leaves the rest unknown",
    answer: () => ({
      receipt: () => ({ accepted: 5, refused: [{ reason: "limit", count: 4 }], unknown: 0 }),
    }),
    arrives: [],
    report: { accepted: 5, unknown: 3, refused: [] },
    verdict: 3,
  },
];

for (const { name, answer, arrives, report, verdict, sends, rejections = [] } of cases) {
  test(name, async (context) => {
    const bed = await createTestBed(context);
    for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
    const destination = createReceiver({ answer });

    const done = await bed.upload({ targets: [{ destination, project: asItIs }] });

    expect(destination.samples).toEqual(arrives.map((minute) => `a_total ${minute - 1}@${minute * MINUTE}`));
    expect(done.destinations[0]).toMatchObject(report);
    expect(done.verdict).toBe(verdict);
    if (sends !== undefined) expect(destination.bodies).toHaveLength(sends);
    expect(await rejectionsIn(bed.dir)).toMatchObject(rejections);

    // Whatever was not answered for is sent by the next upload, first of all.
    const { accepted = 0, unknown = 0, refused = [] } = done.destinations[0] ?? {};
    const settled = accepted + unknown + refused.reduce((sum, each) => sum + each.count, 0);
    const healthy = createReceiver();
    const next = await bed.upload({ targets: [{ destination: healthy, project: asItIs }] });
    expect(healthy.samples).toHaveLength(8 - settled);
    expect(next.verdict).toBe(0);
    expect((await readLedger(bed.dir, nodeUploadFs)).destinations.get("store")?.next).toBeUndefined();
  });
}

/** Eighty counters at each of three minutes. */
async function writeEighties(bed: TestBed): Promise<void> {
  const names = Array.from({ length: 80 }, (_, i) => `c${i}_total`);
  for (const minute of [1, 2, 3]) {
    const values = Object.fromEntries(names.map((name) => [name, minute]));
    await bed.write("aaaaaaaa", NOON + minute * MINUTE, values);
  }
}

const oldestMs = ({ series }: Batch) => Math.min(...series.map(({ timestampsMs }) => timestampsMs[0]!));

test("what is too old is refused in ever larger parts, each of one instant, and what is not arrives", {
  timeout: 20_000,
}, async (context) => {
  const bed = await createTestBed(context);
  await writeEighties(bed);
  const firstMs = NOON + 3 * MINUTE;
  const destination = createReceiver({
    answer: (_, batch) => (oldestMs(batch) < firstMs ? rejected : "take"),
  });

  const report = await bed.upload({ targets: [{ destination, project: asItIs }] });

  expect(report).toMatchObject({
    verdict: 3,
    destinations: [{ accepted: 80, unknown: 0, refused: [{ count: 160 }] }],
  });
  expect(destination.samples).toHaveLength(80);
  // Twice for each sample, were it one by one.
  expect(destination.bodies.length).toBeLessThan(310);
  const lines = (await rejectionsIn(bed.dir)).map((line) => JSON.stringify(line));
  expect(new Set(lines).size).toBe(160);
});

for (const firstMinute of [131, 132]) {
  test(`where minute ${firstMinute} is the first that is not too old, it and all after it arrive`, {
    timeout: 20_000,
  }, async (context) => {
    const bed = await createTestBed(context);
    for (let minute = 1; minute <= 140; minute++)
      await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
    const firstMs = NOON + firstMinute * MINUTE;
    const destination = createReceiver({
      answer: (_, batch) => (oldestMs(batch) < firstMs ? rejected : "take"),
    });
    await bed.upload({ targets: [{ destination, project: asItIs }] });
    expect(destination.samples).toHaveLength(141 - firstMinute);
  });
}

for (const { what, ageMs, isGood, accepted } of [
  {
    what: "after a sample that was taken, samples are refused one by one again",
    ageMs: 2 * HOUR,
    isGood: (name: string) => name === "c79_total",
    accepted: 3,
  },
  {
    what: "what is younger than an hour is refused one by one, however long the row is",
    ageMs: 0.5 * HOUR,
    isGood: (name: string, minute: number) => minute === 3 && name === "c51_total",
    accepted: 1,
  },
]) {
  test(what, { timeout: 20_000 }, async (context) => {
    const bed = await createTestBed(context);
    await writeEighties(bed);
    bed.nowMs = NOON + ageMs;
    const destination = createReceiver({
      answer: (_, { series }) => {
        const isAllGood = series.every(({ series: { name }, timestampsMs }) =>
          timestampsMs.every((at) => isGood(name, (at - NOON) / MINUTE)),
        );
        return isAllGood ? "take" : rejected;
      },
    });
    const report = await bed.upload({ targets: [{ destination, project: asItIs }] });
    expect(report.destinations[0]).toMatchObject({ accepted, refused: [{ count: 240 - accepted }] });
    expect(destination.samples).toHaveLength(accepted);
  });
}

test("an upload that is stopped leaves what the next one goes on from", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const stop = new AbortController();
  const destination = createReceiver({
    maxSamples: 3,
    answer: (n) => {
      if (n !== 2) return "take";
      stop.abort(new Error("Ctrl-C"));
      return { error: stop.signal.reason, takes: true };
    },
  });
  const targets = [{ destination, project: asItIs }];

  const stopped = await bed.upload({ targets, signal: stop.signal });
  expect(stopped).toMatchObject({
    aborted: true,
    destinations: [{ accepted: 3, failure: { kind: "aborted", inDoubt: true } }],
  });
  const next = await bed.upload({ targets });
  expect(destination.bodies[2]).toBe(destination.bodies[1]);
  expect(next.destinations[0]).toMatchObject({ accepted: 5, resent: 3 });
});

test("a request in doubt whose bytes cannot be made again counts as unknown, and the rest goes on", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const destination = createReceiver({ maxSamples: 3, answer: (n) => (n === 2 ? lost : "take") });
  await bed.upload({ targets: [{ destination, project: asItIs }], timeoutMs: 0 });

  const renamed = (series: { name: string }) => ({ name: `k1_${series.name}`, labels: [] });
  const report = await bed.upload({ targets: [{ destination, project: renamed }] });

  expect(destination.samples).toEqual([
    ...[1, 2, 3].map((minute) => `a_total ${minute - 1}@${minute * MINUTE}`),
    ...[7, 8].map((minute) => `k1_a_total ${minute - 1}@${minute * MINUTE}`),
  ]);
  expect(report).toMatchObject({ verdict: 3, destinations: [{ accepted: 2, unknown: 3 }] });
  expect(report.destinations[0]?.notes[0]).toMatch(/^A request that was in doubt, of 3 samples/);
});

test("a request in doubt whose last frames are lost counts as unknown, and what is written later goes on", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const destination = createReceiver({ maxSamples: 3, answer: (n) => (n === 3 ? lost : "take") });
  await bed.upload({ targets: [{ destination, project: asItIs }], timeoutMs: 0 });

  const path = join(bed.dir, "2025-10-06.prom");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.slice(0, text.lastIndexOf("# Written")));
  await bed.write("bbbbbbbb", NOON + 20 * MINUTE, { b_total: 1 });
  await bed.write("bbbbbbbb", NOON + 21 * MINUTE, { b_total: 2 });
  const report = await bed.upload({ targets: [{ destination, project: asItIs }] });

  expect(report).toMatchObject({ verdict: 3, destinations: [{ unknown: 2 }] });
  expect(report.destinations[0]?.failure).toBeUndefined();
  expect(destination.samples.slice(-1)).toEqual([`b_total 1@${21 * MINUTE}`]);
});

test("samples older than a destination takes are refused by our own rule, or collapse into the first that is not", async (context) => {
  for (const { onTooOld, samples, refused } of [
    { onTooOld: "skip" as const, samples: ["a_total 7@18000000"], refused: 3 },
    { onTooOld: "collapse" as const, samples: ["a_total 0@17999999", "a_total 7@18000000"], refused: 0 },
  ]) {
    const bed = await createTestBed(context);
    await bed.write("aaaaaaaa", NOON, "start");
    await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
    await bed.write("aaaaaaaa", NOON + 2 * MINUTE, { a_total: 4 });
    await bed.write("aaaaaaaa", NOON + 5 * HOUR, { a_total: 7 });
    const destination = createReceiver();
    const report = await bed.upload({
      targets: [{ destination, project: asItIs, maxAgeMs: 2 * HOUR, onTooOld }],
    });
    expect(destination.samples).toEqual(samples);
    const counted = report.destinations[0]!.refused.reduce((sum, each) => sum + each.count, 0);
    expect(counted).toBe(refused);
  }
});

test("where everything is too old, the collapsed counts come at the oldest time that is not", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  bed.nowMs = NOON + 10 * HOUR;
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs, maxAgeMs: HOUR, onTooOld: "collapse" as const }];
  await bed.upload({ targets });
  await bed.upload({ targets });
  const at = 9 * HOUR + MINUTE;
  expect(destination.samples).toEqual([`a_total 0@${at}`, `a_total 2@${at + 1}`]);
});

test("a request that was halved for a 429 waits for as long as the receiver asked", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const began = bed.nowMs;
  const patience = { status: 429, retryAfterMs: 40_000 };
  const error = new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 429", patience);
  const times: number[] = [];
  const destination = createReceiver({
    answer: (n) => {
      times.push(bed.nowMs - began);
      return n < 3 ? { error } : "take";
    },
  });
  await bed.upload({ targets: [{ destination, project: asItIs }] });
  expect(times.slice(0, 3)).toEqual([0, 40_000, 80_000]);
});

test("a pace is kept on average", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const began = bed.nowMs;
  const destination = createReceiver({ maxSamples: 2 });
  await bed.upload({ targets: [{ destination, project: asItIs, samplesPerSecond: 1 }] });
  expect(bed.nowMs - began).toBe(6_000);
});

test("a pace of months for one request is no millisecond", async (context) => {
  const bed = await createTestBed(context);
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const stop = new AbortController();
  const destination = createReceiver({
    maxSamples: 2,
    answer: () => {
      // Timers fire in order: a wait that was taken for 1 ms has ended by then.
      setTimeout(() => stop.abort(), 50);
      return "take";
    },
  });
  const targets = [{ destination, project: asItIs, samplesPerSecond: 1e-7 }];
  await upload({ journal: bed.journal, targets, now: () => bed.nowMs, signal: stop.signal });
  expect(destination.samples).toHaveLength(2);
});

test("what a protocol leaves out is no failure and is not unknown", async (context) => {
  for (const keepsHistory of [true, false]) {
    const bed = await createTestBed(context);
    await bed.write("aaaaaaaa", NOON, { a_total: 1, b_total: 2 });
    const leftOut = [{ reason: "no room for it", count: 1 }];
    const answer = () => ({ receipt: () => ({ accepted: 1, refused: [], unknown: 0, leftOut }) });
    const targets = [{ destination: createReceiver({ keepsHistory, answer }), project: asItIs }];
    const report = await bed.upload({ targets });
    expect(report).toMatchObject({ verdict: 0, destinations: [{ accepted: 1, unknown: 0, leftOut }] });
  }
});

test("a state of which nobody knows what arrived is unknown, and one that was refused whole is tried again", async (context) => {
  for (const { receipt, verdict, again } of [
    { receipt: { accepted: 1, refused: [], unknown: 1 }, verdict: 3, again: 0 },
    { receipt: { accepted: 0, refused: [{ reason: "no", count: 2 }], unknown: 0 }, verdict: 3, again: 1 },
  ]) {
    const bed = await createTestBed(context);
    await bed.write("aaaaaaaa", NOON, { a_total: 1, b_total: 2 });
    const destination = createReceiver({
      keepsHistory: false,
      answer: (n) => (n === 1 ? { receipt: () => receipt } : "take"),
    });
    const targets = [{ destination, project: asItIs }];
    expect(await bed.upload({ targets })).toMatchObject({
      verdict,
      destinations: [{ unknown: receipt.unknown }],
    });
    await bed.upload({ targets });
    expect(destination.bodies).toHaveLength(1 + again);
  }
});

async function rejectionsIn(dir: string): Promise<unknown[]> {
  const names = await readdir(join(dir, "rejected")).catch(() => []);
  expect(names).toEqual(names.length === 0 ? [] : ["2025-10-06-store.jsonl"]);
  const texts = await Promise.all(names.map((name) => readFile(join(dir, "rejected", name), "utf8")));
  return texts.flatMap((text) => text.trim().split("\n")).map((line) => JSON.parse(line));
}

test("a request that was halved at the end of an hour leaves nothing behind for a shorter one", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  for (const minute of minutes) await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  await bed.write("aaaaaaaa", NOON + 3 * HOUR, { a_total: 9 });
  const destination = createReceiver({ answer: (n) => (n === 1 ? rejected : "take") });

  const report = await bed.upload({ targets: [{ destination, project: asItIs }] });

  expect(report).toMatchObject({ verdict: 0, destinations: [{ accepted: 10 }] });
  expect(destination.samples.at(-1)).toBe(`a_total 9@${3 * HOUR}`);
});

test("a clock that tells fractions of milliseconds leaves a ledger that can be read", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  bed.nowMs += 0.5;
  let isOn = false;
  const destination = createReceiver({ answer: () => (isOn ? "take" : lost) });
  const targets = [{ destination, project: asItIs }];

  await bed.upload({ targets });
  isOn = true;

  expect(await bed.upload({ targets })).toMatchObject({ verdict: 0, destinations: [{ accepted: 2 }] });
});
