import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { type MayLeave, nodeUploadFs, readLedger, type UploadTarget } from "./index.ts";

/** Three days of one session, and now a time at which all are closed. */
async function threeDays(bed: TestBed): Promise<void> {
  await bed.write("aaaaaaaa", NOON - 2 * DAY, "start");
  for (const [i, day] of [-2, -1, 0].entries()) {
    await bed.write("aaaaaaaa", NOON + day * DAY + MINUTE, { a_total: 10 * (i + 1) });
  }
  bed.nowMs = NOON + 3 * DAY;
  for (const file of await dayFiles(bed)) await utimes(join(bed.dir, file), new Date(NOON), new Date(NOON));
}

/** Whether an upload has compressed them meanwhile or not. */
async function dayFiles({ dir }: TestBed): Promise<string[]> {
  return (await readdir(dir)).flatMap((name) => /^(.*\.prom)(?:\.gz)?$/.exec(name)?.[1] ?? []).sort();
}

const days = ["2025-10-04.prom", "2025-10-05.prom", "2025-10-06.prom"];

test("closed days that every destination has are deleted, and the totals go on from there", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  const report = await bed.upload({ targets, cleanup: {} });
  expect(report.deleted.map(({ day }) => day)).toEqual(["2025-10-04", "2025-10-05", "2025-10-06"]);
  expect(await dayFiles(bed)).toEqual([]);
  expect(JSON.parse(await readFile(join(bed.dir, ".uploaded"), "utf8"))).not.toHaveProperty(
    "2025-10-04.prom",
  );

  await bed.write("aaaaaaaa", NOON + 4 * DAY, { a_total: 31 });
  await bed.write("bbbbbbbb", NOON + 4 * DAY, "start");
  await bed.write("bbbbbbbb", NOON + 4 * DAY + MINUTE, { a_total: 5 });
  await bed.upload({ targets });
  expect(destination.samples.slice(4)).toEqual([`a_total 31@${4 * DAY}`, `a_total 36@${4 * DAY + MINUTE}`]);
});

for (const { name, left, kept, options } of [
  { name: "days that are young enough stay", left: days.slice(1), kept: [], options: { olderThanDays: 4 } },
  {
    name: "days that a destination of another upload lacks stay",
    left: days,
    kept: ["other does not have 2 frames of 2025-10-04.prom", "an older day, 2025-10-04, stays"],
    options: { other: createReceiver({ name: "other" }) },
  },
  {
    name: "days that only a destination without history lacks go",
    left: [],
    kept: [],
    options: { other: createReceiver({ name: "gateway", keepsHistory: false }) },
  },
  {
    name: "days that were passed over stay until they are sent",
    left: days,
    kept: ["2 frames of 2025-10-04.prom were passed over for store; --force --from 2025-10-04 sends them"],
    options: { from: "2025-10-05" },
  },
]) {
  test(name, async (context) => {
    const bed = await createTestBed(context);
    await threeDays(bed);
    const { olderThanDays, other, from } = options as {
      olderThanDays?: number;
      other?: ReturnType<typeof createReceiver>;
      from?: string;
    };
    const report = await bed.upload({
      targets: [{ destination: createReceiver(), project: asItIs }],
      cleanup: olderThanDays === undefined ? {} : { olderThanDays },
      ...(other && { otherDestinations: [{ destination: other, project: asItIs }] }),
      ...(from !== undefined && { from }),
    });
    expect(await dayFiles(bed)).toEqual(left);
    expect(report.kept.slice(0, kept.length).map(({ reason }) => reason)).toEqual(kept);
    expect(report.kept.length > 0).toBe(kept.length > 0);
  });
}

test("a state settles a day where nobody keeps history, and the report says that history was dropped", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver({ keepsHistory: false });
  const report = await bed.upload({ targets: [{ destination, project: asItIs }], cleanup: {} });
  expect(destination.samples).toEqual([`a_total 30@${MINUTE}`]);
  expect(report).toMatchObject({ historyDropped: true, deleted: [{}, {}, {}] });
});

test("a folder that is called like something of ours stays, and everything else goes", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const folders = ["2025-10-03.prom", "2025-10-04.prom.gz", "quarantine/2025-10-01.mine"];
  for (const name of folders) {
    await mkdir(join(bed.dir, name), { recursive: true });
    await writeFile(join(bed.dir, name, "note"), "mine");
    await utimes(join(bed.dir, name), new Date(NOON), new Date(NOON));
  }
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const { deleted, kept, verdict } = await bed.upload({ targets, cleanup: { maxBytes: 1 } });
  expect(deleted.flatMap(({ files }) => files)).toEqual(days);
  expect({ kept, verdict }).toEqual({ kept: [], verdict: 0 });
  for (const name of folders) expect(await readFile(join(bed.dir, name, "note"), "utf8")).toBe("mine");
});

test("nothing is deleted that did not arrive", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver({
    answer: (n) =>
      n < 3 ? "take" : { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "gone", { inDoubt: true }) },
  });
  const targets = [{ destination, project: asItIs }];
  const report = await bed.upload({ targets, cleanup: {}, timeoutMs: 0 });
  expect(report.verdict).toBe(3);
  expect(await dayFiles(bed)).toEqual(days.slice(2));
});

test("days stay as long as a destination has refused everything, and go once it took some", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  let isRefusing = true;
  const destination = createReceiver({
    answer: () =>
      isRefusing ? { error: new DeliveryError("ERR_DELIVERY_REJECTED", "400", { status: 400 }) } : "take",
  });
  const targets = [{ destination, project: asItIs }];

  const refused = await bed.upload({ targets, cleanup: {} });
  expect(refused.deleted).toEqual([]);
  expect(refused.kept[0]).toEqual({
    day: "2025-10-04",
    reason: "store took nothing so far; correct what it minds, then --force sends it again",
  });

  isRefusing = false;
  const taken = await bed.upload({ targets, cleanup: {}, force: true });
  expect(taken.deleted.map(({ day }) => day)).toEqual(["2025-10-04", "2025-10-05", "2025-10-06"]);
});

test("damage is kept in quarantine when its day goes", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const path = join(bed.dir, "2025-10-05.prom");
  await writeFile(path, `${await readFile(path, "utf8")}\n# Written: torn`);
  await utimes(path, new Date(NOON), new Date(NOON));
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const report = await bed.upload({ targets, cleanup: {} });
  expect(report).toMatchObject({ damaged: 1, kept: [], deleted: [{}, {}, {}] });
  const index = JSON.parse(await readFile(join(bed.dir, "quarantine", "index.jsonl"), "utf8"));
  expect(index).toMatchObject({ reason: "torn", file: "2025-10-05.prom" });
  expect(await readFile(join(bed.dir, "quarantine", index.copy), "utf8")).toContain("# Written: torn");
});

test("a dry run deletes nothing", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  await bed.upload({
    targets: [{ destination: createReceiver(), project: asItIs }],
    cleanup: {},
    dryRun: true,
  });
  expect(await readdir(bed.dir)).toEqual(days);
});

/** A destination that is down. */
function downReceiver(options: { name?: string } = {}) {
  const error = new DeliveryError("ERR_DELIVERY_UNREACHABLE", "down");
  return createReceiver({ ...options, answer: () => ({ error }) });
}

/** Bytes of the day files, and of what else stands in the way of `maxBytes`. */
async function sizeOf({ dir }: TestBed, ...paths: string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(async (path) => (await stat(join(dir, path))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Puts a file beside the day files, as old as they are. */
async function leave({ dir }: TestBed, path: string, bytes: number): Promise<void> {
  await mkdir(join(dir, path, ".."), { recursive: true });
  await writeFile(join(dir, path), "x".repeat(bytes));
  await utimes(join(dir, path), new Date(NOON), new Date(NOON));
}

test("plain retention deletes old days that a destination lacks, counts them, and their growth is not lost", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const targets = [{ destination: downReceiver(), project: asItIs }];
  const cleanup = { olderThanDays: 4, unsettledOlderThanDays: 4 };
  const report = await bed.upload({ targets, cleanup, timeoutMs: 0 });
  expect(await dayFiles(bed)).toEqual(days.slice(1));
  const lost = [{ destination: "store", frames: 2 }];
  expect(report.deleted).toEqual([{ day: "2025-10-04", cause: "age", files: [days[0]], lost }]);
  expect((await readLedger(bed.dir, nodeUploadFs)).destinations.get("store")?.lostFrames).toBe(2);

  const destination = createReceiver();
  await bed.upload({ targets: [{ destination, project: asItIs }] });
  // What the lost day counted, 10, is in the first sample that follows.
  expect(destination.samples).toEqual([
    `a_total 0@${MINUTE - 2 * DAY}`,
    `a_total 20@${MINUTE - DAY}`,
    `a_total 30@${MINUTE}`,
  ]);
});

test("plain retention keeps what a wrong clock dated", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("cccccccc", Date.UTC(2019, 0, 1), { a_total: 1 });
  await threeDays(bed);
  const targets = [{ destination: downReceiver(), project: asItIs }];
  const cleanup = { olderThanDays: 4, unsettledOlderThanDays: 4 };
  const report = await bed.upload({ targets, cleanup, timeoutMs: 0 });
  expect(await dayFiles(bed)).toEqual(["2019-01-01.prom", ...days]);
  expect(report.kept[0]?.reason).toBe("2019-01-01.prom holds frames dated by a wrong clock");
});

for (const { name, rejected, spare, left, over } of [
  { name: "the oldest days go until the rest fits, sent or not", spare: 0, left: days.slice(1), over: 0 },
  { name: "nothing goes as long as all of it fits", spare: 10_000, left: days, over: 0 },
  {
    name: "an old day's rejected samples count, and go before the day does",
    rejected: "rejected/2025-10-04-store.jsonl",
    spare: 1000,
    left: days,
    over: 0,
  },
  {
    name: "what was quarantined on a day that is gone goes first",
    rejected: "quarantine/2025-10-01.prom.7.0a0b0c0d.damaged",
    spare: 1000,
    left: days,
    over: 0,
  },
  {
    name: "what is not over yet stays, whatever it takes",
    rejected: "rejected/2025-10-09-store.jsonl",
    spare: 0,
    left: [],
    over: 9500,
  },
]) {
  test(`maxBytes: ${name}`, async (context) => {
    const bed = await createTestBed(context);
    await threeDays(bed);
    const fits = (await sizeOf(bed, ...days.slice(1))) + spare;
    if (rejected) await leave(bed, rejected, 10_000);
    const targets = [{ destination: downReceiver(), project: asItIs }];
    const maxBytes = over > 0 ? 500 : fits;
    const options = { cleanup: { olderThanDays: Number.POSITIVE_INFINITY, maxBytes }, timeoutMs: 0 };
    const report = await bed.upload({ targets, ...options });
    expect(await dayFiles(bed)).toEqual(left);
    const lost = report.deleted.flatMap((each) => each.lost.map(({ frames }) => frames));
    expect(lost).toEqual([2, 1, 1].slice(0, days.length - left.length));
    expect(report.deleted.every(({ cause }) => cause === "size")).toBe(true);
    expect(report.bytesOver).toBe(over);
    if (rejected) expect(report.deleted.flatMap(({ files }) => files).includes(rejected)).toBe(over === 0);
  });
}

test("maxBytes: settled days go before it takes any other, and a day that is not over keeps younger ones", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const [, second, third] = days;
  const left = await sizeOf(bed, third!);
  const destination = createReceiver({
    answer: (n) => (n < 3 ? "take" : { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "gone") }),
  });
  const targets = [{ destination, project: asItIs }];
  await utimes(join(bed.dir, second!), new Date(bed.nowMs), new Date(bed.nowMs));
  const first = await bed.upload({ targets, cleanup: { maxBytes: left }, timeoutMs: 0 });
  expect(first.deleted).toMatchObject([{ day: "2025-10-04", cause: "settled", lost: [] }]);
  expect(await dayFiles(bed)).toEqual([second, third]);
  expect(first.bytesOver).toBeGreaterThan(0);
  await utimes(join(bed.dir, second!), new Date(NOON), new Date(NOON));
  const next = await bed.upload({ targets, cleanup: { maxBytes: left }, timeoutMs: 0 });
  expect(next.deleted).toMatchObject([{ day: "2025-10-05", cause: "settled", lost: [] }]);
});

test("totals of deleted days that were made with other labels are not gone on with, and the report says so", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver({ keepsHistory: false });
  const store = createReceiver({ name: "history" });
  const withLabel =
    (value: string): UploadTarget["project"] =>
    ({ name }) => ({
      name: `${name}{by="${value}"}`,
      labels: [],
    });
  const targets = (value: string) =>
    [destination, store].map((each) => ({
      destination: each,
      project: withLabel(value),
      projectionId: value,
    }));
  await bed.upload({ targets: targets("ann"), cleanup: {} });
  expect(await dayFiles(bed)).toEqual([]);
  await bed.write("aaaaaaaa", NOON + 4 * DAY, { a_total: 31 });
  destination.samples.length = 0;
  store.samples.length = 0;

  const changed = await bed.upload({ targets: targets("") });
  expect(destination.samples.concat(store.samples).filter((sample) => sample.includes("ann"))).toEqual([]);
  for (const { name, notes } of changed.destinations) {
    expect(notes).toEqual([
      `The names or labels of the series for ${name} were changed since days were deleted: its counters start again from 0, with what the journal still holds.`,
    ]);
  }
});

test("a report says that the totals of deleted days are missing, and only then", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const notes = async () => (await bed.upload({ targets, cleanup: {} })).destinations[0]?.notes;
  expect(await notes()).toEqual([]);
  expect(await notes()).toEqual([]);
  await rm(join(bed.dir, ".totals"));
  expect(await notes()).toEqual([
    ".totals has no totals of days that were deleted after store had them: its counters start again from 0, with what the journal still holds.",
  ]);
});

test("a day stays as long as an earlier part of its sessions stands under a later date", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const path = (day: string) => join(bed.dir, day);
  // As after a flight to the west, over the date line.
  await rename(path(days[0]!), path("aside"));
  await rename(path(days[2]!), path(days[0]!));
  await rename(path("aside"), path(days[2]!));
  const targets = [{ destination: createReceiver(), project: asItIs }];

  const report = await bed.upload({ targets, cleanup: { olderThanDays: 3 } });

  expect(await dayFiles(bed)).toEqual(days);
  expect(report.kept).toContainEqual({
    day: "2025-10-04",
    reason: "its frames follow those of 2025-10-06, which stays",
  });
});

test("a day that goes for want of room leaves no copy of its damage, and what was passed over counts as lost", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const path = join(bed.dir, days[0]!);
  await writeFile(path, `${await readFile(path, "utf8")}\n# Written: torn`);
  await utimes(path, new Date(NOON), new Date(NOON));
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const maxBytes = await sizeOf(bed, ...days.slice(1));
  const report = await bed.upload({ targets, from: "2025-10-05", cleanup: { maxBytes } });
  expect(report.deleted[0]).toEqual({
    day: "2025-10-04",
    cause: "size",
    files: [days[0]],
    lost: [{ destination: "store", frames: 2 }],
  });
  expect(await readdir(bed.dir)).not.toContain("quarantine");
});

test("a day whose sessions have lost their info is not settled by being withheld; by age and size it goes, and counts", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  for (let minute = 1; minute <= 3; minute++)
    await bed.write("aaaaaaaa", NOON + minute * MINUTE, { a_total: minute });
  const path = join(bed.dir, "2025-10-06.prom");
  await writeFile(path, (await readFile(path, "utf8")).replaceAll("# Session:", "# Sessioo:"));
  await utimes(path, new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 9 * DAY;
  const { frames } = await bed.journal.index();
  expect(frames.map(({ header, info }) => [header.seq, info.lost])).toEqual([
    [2, true],
    [3, true],
  ]);
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  const mayLeave: MayLeave = ({ info }) => (info.lost ? "nothing says what may leave" : true);

  const report = await bed.upload({ targets, mayLeave, cleanup: {} });
  expect(report).toMatchObject({
    deleted: [],
    kept: [
      {
        day: "2025-10-06",
        reason:
          "2 frames of 2025-10-06.prom have lost what their session says, so that nobody knows whether they may leave",
      },
    ],
  });
  expect(destination.bodies).toEqual([]);
  const overridden = await bed.upload({ targets, mayLeave, cleanup: { unsettledOlderThanDays: 7 } });
  expect(overridden.deleted).toMatchObject([{ cause: "age", lost: [{ destination: "store", frames: 2 }] }]);
});
