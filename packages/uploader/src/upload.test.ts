import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, HOUR, MINUTE, NOON } from "../test/harness.ts";

test("what is due is sent once, and the ledger says so", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  await bed.write("bbbbbbbb", NOON + 2 * MINUTE, "start");
  await bed.write("bbbbbbbb", NOON + 3 * MINUTE, { a_total: 5 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  const first = await bed.upload({ targets });
  const second = await bed.upload({ targets });

  expect(destination.samples).toEqual(["a_total 0@0", "a_total 2@60000", "a_total 7@180000"]);
  expect(first).toMatchObject({
    verdict: 0,
    destinations: [{ accepted: 3, unknown: 0, refused: [], requests: 1 }],
  });
  expect(second).toMatchObject({ verdict: 0, destinations: [{ accepted: 0, requests: 0 }] });
  const ledger = JSON.parse(await readFile(join(bed.dir, ".uploaded"), "utf8"));
  expect(ledger["2025-10-06.prom"]).toEqual({
    destinations: {
      store: { uploaded_at: new Date(bed.nowMs).toISOString(), status: "success", metrics_count: 3 },
    },
  });
  expect(ledger.destinations.store).toMatchObject({
    newest_ms: NOON + 3 * MINUTE,
    accepted: 3,
    cursor: { aaaaaaaa: 1, bbbbbbbb: 1 },
  });
  expect((await readdir(bed.dir)).sort()).toEqual([".uploaded", "2025-10-06.prom"]);
});

test("progress tells the samples that were accepted and the frames that are left", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  for (let hour = 1; hour <= 3; hour++) await bed.write("aaaaaaaa", NOON + hour * HOUR, { a_total: hour });
  bed.nowMs = NOON + DAY;
  const seen: unknown[] = [];
  const targets = [{ destination: createReceiver(), project: asItIs }];
  await bed.upload({ targets, onProgress: (progress) => seen.push(progress) });
  expect(seen.at(-1)).toEqual({ destination: "store", accepted: 4, frames: { done: 4, total: 4 } });
  expect(seen.length).toBeGreaterThan(1);
});

test("a late frame shows in the next sample, or one millisecond after the newest", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + 10 * MINUTE, { a_total: 2 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.write("bbbbbbbb", NOON + 5 * MINUTE, "start");
  await bed.write("bbbbbbbb", NOON + 6 * MINUTE, { a_total: 1 });
  const late = await bed.upload({ targets });
  const after = await bed.upload({ targets });

  expect(destination.samples.slice(2)).toEqual([`a_total 3@${10 * MINUTE + 1}`]);
  expect(late.destinations[0]).toMatchObject({ lateFrames: 2, accepted: 1 });
  expect(after.destinations[0]).toMatchObject({ lateFrames: 0, accepted: 0 });
});

test("frames younger than ten seconds wait, unless asked for", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  bed.nowMs = NOON + MINUTE + 9_999;
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  expect(await bed.upload({ targets })).toMatchObject({ destinations: [{ waitingFrames: 1, accepted: 0 }] });
  await bed.upload({ targets, sendNow: true });
  expect(destination.samples).toEqual(["a_total 0@0", "a_total 2@60000"]);
});

test("--from passes days over, and only --force sends them", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 2 });
  await bed.write("aaaaaaaa", NOON, { a_total: 5 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  await bed.upload({ targets, from: "2025-10-06" });
  expect(destination.samples).toEqual(["a_total 5@0"]);
  const plain = await bed.upload({ targets });
  expect(destination.samples).toHaveLength(1);
  expect(plain.destinations[0]?.notes).toEqual([
    "2 frames of 2025-10-05.prom were passed over for store; --force --from 2025-10-05 --to-date 2025-10-05 sends them.",
  ]);

  const forced = await bed.upload({ targets, force: true, from: "2025-10-05", toDate: "2025-10-05" });
  expect(destination.samples.slice(1)).toEqual([`a_total 0@${-DAY}`, `a_total 2@${MINUTE - DAY}`]);
  expect(forced.destinations[0]).toMatchObject({ notes: [], files: [{ status: "success", accepted: 2 }] });
});

test("--to-date leaves later days as new as they were", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 2 });
  await bed.write("aaaaaaaa", NOON, { a_total: 5 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  const report = await bed.upload({ targets, toDate: "2025-10-05" });
  expect(report.destinations[0]).toMatchObject({ unchosenFrames: 1, accepted: 2 });
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`a_total 0@${-DAY}`, `a_total 2@${MINUTE - DAY}`, "a_total 5@0"]);
});

test("a dry run makes the same requests to the byte and leaves no trace", async (context) => {
  const bed = await createTestBed(context);
  for (let i = 1; i <= 20; i++)
    await bed.write("aaaaaaaa", NOON + i * MINUTE, { a_total: i, b_total: 2 * i });
  const destination = createReceiver({ maxSamples: 7 });
  const targets = [{ destination, project: asItIs }];
  const planned: string[] = [];
  const before = await readdir(bed.dir);

  const dry = await bed.upload({
    targets,
    dryRun: true,
    onRequest: ({ request }) => planned.push(Buffer.from(request.body).toString()),
  });
  expect(destination.bodies).toEqual([]);
  expect(await readdir(bed.dir)).toEqual(before);
  const real = await bed.upload({ targets });

  expect(planned).toEqual(destination.bodies);
  expect(dry.destinations[0]).toMatchObject({ accepted: 40, bytes: planned.join("").length });
  expect(real.destinations[0]?.requests).toBe(dry.destinations[0]?.requests);
});

test("a dry run counts what the destination keeps out by its own rules, as the upload does", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 1, b_total: 2 });
  const refused = [{ reason: "a name of its own", count: 2 }];
  const leftOut = [{ reason: "no such thing", count: 1 }];
  const destination = createReceiver({ keptOut: { refused, leftOut } });
  const targets = [{ destination, project: asItIs }];
  const samples: number[] = [];

  const dry = await bed.upload({
    targets,
    dryRun: true,
    onRequest: (request) => samples.push(request.samples),
  });
  const real = await bed.upload({ targets });

  const expected = { accepted: 1, refused, leftOut };
  expect(dry).toMatchObject({ destinations: [expected], verdict: 3 });
  expect(real).toMatchObject({ destinations: [expected], verdict: 3 });
  expect(samples).toEqual([1]);
});

test("one destination that fails does not hold up another", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  const good = createReceiver({ name: "good" });
  const bad = createReceiver({
    name: "bad",
    answer: () => ({ error: new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", "401", { status: 401 }) }),
  });
  const targets = [good, bad].map((destination) => ({ destination, project: asItIs }));

  const report = await bed.upload({ targets });

  expect(good.samples).toHaveLength(2);
  expect(report.verdict).toBe(3);
  expect(report.destinations[1]).toMatchObject({
    accepted: 0,
    failure: { kind: "credentials", inDoubt: false },
  });
  const ledger = JSON.parse(await readFile(join(bed.dir, ".uploaded"), "utf8"));
  expect(ledger["2025-10-06.prom"].destinations).toMatchObject({
    good: { status: "success" },
    bad: { status: "failed", metrics_count: 0 },
  });
});

test("another address under the same name is another destination, and the first goes on when it comes back", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  const old = createReceiver();
  const other = createReceiver({ identity: "elsewhere" });
  await bed.upload({ targets: [{ destination: old, project: asItIs }] });
  const moved = await bed.upload({ targets: [{ destination: other, project: asItIs }] });
  await bed.upload({ targets: [{ destination: old, project: asItIs }] });

  expect(other.samples).toEqual(old.samples);
  expect(old.samples).toHaveLength(2);
  expect(moved.destinations[0]?.notes).toEqual([
    "store has another type, address or tenant than before: it is served as a new destination.",
  ]);
});

test("an empty or missing directory is nothing to do and stays as it is", async (context) => {
  const bed = await createTestBed(context);
  const targets = [{ destination: createReceiver(), project: asItIs }];
  expect(await bed.upload({ targets })).toMatchObject({
    verdict: 0,
    destinations: [{ accepted: 0, requests: 0 }],
  });
  expect(await readdir(bed.dir)).toEqual([]);
  const journal = openJournal(join(bed.dir, "missing"));
  expect(await bed.upload({ targets, journal })).toMatchObject({ verdict: 0 });
  expect(await readdir(bed.dir)).toEqual([]);
});

test("two destinations of one name are the caller's mistake", async (context) => {
  const bed = await createTestBed(context);
  const targets = [createReceiver(), createReceiver()].map((destination) => ({
    destination,
    project: asItIs,
  }));
  await expect(bed.upload({ targets })).rejects.toThrow('two destinations are named "store"');
});

test("a corrupt ledger is refused and nothing is sent", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, { a_total: 1 });
  await writeFile(join(bed.dir, ".uploaded"), '{"v":1,');
  const destination = createReceiver();
  const uploading = bed.upload({ targets: [{ destination, project: asItIs }] });
  await expect(uploading).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
  expect(destination.bodies).toEqual([]);
  expect((await readdir(bed.dir)).sort()).toEqual([".uploaded", "2025-10-06.prom"]);
});

test("a destination without history gets the latest state once", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  await bed.write("aaaaaaaa", NOON + 2 * MINUTE, { a_total: 3 });
  const destination = createReceiver({ keepsHistory: false });
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`a_total 3@${2 * MINUTE}`]);
});

test("what consent keeps here adds nothing to the totals", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  await bed.write("bbbbbbbb", NOON, "start");
  await bed.write("bbbbbbbb", NOON + 2 * MINUTE, { a_total: 40 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  const report = await bed.upload({
    targets,
    mayLeave: ({ header }) => header.session === "aaaaaaaa" || "no consent",
  });
  expect(destination.samples).toEqual(["a_total 0@0", "a_total 2@60000"]);
  expect(report.destinations[0]).toMatchObject({
    withheldFrames: [{ reason: "no consent", frames: 2 }],
    files: [{ status: "success" }],
  });
});

test("totals do not fall while the clock is behind what was sent", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 5 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.write("bbbbbbbb", NOON - DAY, "start");
  await bed.write("bbbbbbbb", NOON - DAY + MINUTE, { a_total: 1 });

  bed.nowMs = NOON - DAY / 2;
  expect(await bed.upload({ targets })).toMatchObject({ heldFrames: 2, destinations: [{ accepted: 0 }] });
  expect(destination.samples).toEqual(["a_total 0@0", "a_total 5@60000"]);
  bed.nowMs = NOON + DAY;
  await bed.upload({ targets });
  expect(destination.samples.slice(2)).toEqual(["a_total 6@60001"]);
});

test("a late frame whose session has gone on is taken in before what followed it", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + 10 * MINUTE, { a_total: 2 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.write("bbbbbbbb", NOON + 5 * MINUTE, "start");
  await bed.write("bbbbbbbb", NOON + 6 * MINUTE, { a_total: 1 });
  await bed.write("bbbbbbbb", NOON + 11 * MINUTE, { a_total: 3 });
  await bed.write("aaaaaaaa", NOON + 12 * MINUTE, { a_total: 4 });

  bed.nowMs = NOON + 12 * MINUTE + 5_000;
  await bed.upload({ targets });
  bed.nowMs = NOON + HOUR;
  await bed.upload({ targets });

  expect(destination.samples.slice(2)).toEqual([`a_total 5@${11 * MINUTE}`, `a_total 7@${12 * MINUTE}`]);
});

test("a failure says what the error that caused it advises", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, { a_total: 1 });
  const cause = Object.assign(new Error("no such file"), { hint: "make it" });
  const error = new DeliveryError("ERR_DELIVERY_UNAUTHORIZED", "there is no credential", { cause });
  const destination = createReceiver({ answer: () => ({ error }) });
  const report = await bed.upload({ targets: [{ destination, project: asItIs }] });
  expect(report.destinations[0]?.failure).toMatchObject({ kind: "credentials", hint: "make it" });
});
