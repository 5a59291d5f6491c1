/** What another process, a sudden end, or a change of mind in the middle of an upload must not spoil. */

import { readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, HOUR, MINUTE, NOON } from "../test/harness.ts";
import { nodeUploadFs, readLedger, type UploadFs } from "./index.ts";

const lost = { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "cut off", { inDoubt: true }) };
const busy = { error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 503", { status: 503 }) };
const broken = {
  error: new DeliveryError("ERR_DELIVERY_OVERLOADED", "answered with 500", { status: 500, inDoubt: true }),
};

type Bed = Awaited<ReturnType<typeof createTestBed>>;

async function writeMinutes(bed: Bed, minutes: number): Promise<void> {
  for (let i = 1; i <= minutes; i++) await bed.write("aaaaaaaa", NOON + i * MINUTE, { a_total: i });
}

/** Another process takes the lock over, as it may after two minutes of silence. */
function takeOver({ dir }: Bed): Promise<void> {
  return writeFile(join(dir, ".upload-lock.99"), "{}");
}

/** A file system on which nothing can be written from the moment that `die` is called. */
function mortalFs(): UploadFs & { die(): void } {
  let isDead = false;
  const unlessDead =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isDead) throw Object.assign(new Error("the machine is off"), { code: "EIO" });
      return work(...args);
    };
  return {
    ...nodeUploadFs,
    openAppend: unlessDead(nodeUploadFs.openAppend),
    openNew: unlessDead(nodeUploadFs.openNew),
    rename: unlessDead(nodeUploadFs.rename),
    unlink: unlessDead(nodeUploadFs.unlink),
    die: () => {
      isDead = true;
    },
  };
}

/** The next process, which sees that the last one is dead. */
const nextProcess = {
  self: async () => ({ pid: 2, start: "2", boot: "b", host: "h", pidNamespace: "n" }),
  startOf: async () => undefined,
};
const deadProcess = {
  ...nextProcess,
  self: async () => ({ pid: 1, start: "1", boot: "b", host: "h", pidNamespace: "n" }),
};

test("an upload whose lock was taken over writes no ledger any more", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 4);
  const destination = createReceiver({ maxSamples: 2 });
  const { send } = destination;
  let before = "";
  destination.send = async (batch, options) => {
    before = await readFile(join(bed.dir, ".uploaded"), "utf8");
    await takeOver(bed);
    return send(batch, options);
  };
  const report = await bed.upload({ targets: [{ destination, project: asItIs }] });
  expect(report.destinations[0]?.failure).toMatchObject({ kind: "local", code: "ERR_UPLOAD_BUSY" });
  expect(await readFile(join(bed.dir, ".uploaded"), "utf8")).toBe(before);
});

for (const keepsHistory of [true, false]) {
  test(`an upload whose lock was taken over tries nothing again, keepsHistory ${keepsHistory}`, async (context) => {
    const bed = await createTestBed(context);
    await writeMinutes(bed, 4);
    const destination = createReceiver({ keepsHistory, answer: (n) => (n === 1 ? busy : "take") });
    const targets = [{ destination, project: asItIs }];
    const sleep = () => takeOver(bed);
    const report = await bed.upload({ targets, sleep });
    expect(report.destinations[0]?.failure).toMatchObject({ code: "ERR_UPLOAD_BUSY" });
    expect(destination.bodies).toHaveLength(1);
  });
}

test("an upload whose lock was taken over deletes no further day", async (context) => {
  const bed = await createTestBed(context);
  for (const day of [-2, -1, 0]) await bed.write("aaaaaaaa", NOON + day * DAY, { a_total: 3 + day });
  const names = ["2025-10-04.prom", "2025-10-05.prom", "2025-10-06.prom"];
  for (const name of names) await utimes(join(bed.dir, name), new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 3 * DAY;
  const fs: UploadFs = {
    ...nodeUploadFs,
    async unlink(path) {
      await nodeUploadFs.unlink(path);
      if (path.includes(".removing-")) await takeOver(bed);
    },
  };
  const journal = { ...bed.journal, fs };
  const report = await bed.upload({
    targets: [{ destination: createReceiver(), project: asItIs }],
    cleanup: {},
    journal,
  });
  expect((await bed.journal.index()).files.map(({ name }) => name)).toEqual(names.slice(1));
  expect(report.kept.at(-1)?.reason).toContain("was taken over");
});

test("what a process sent when it died counts as sent again, and its samples as unknown where they are refused then", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 1);
  const fs = mortalFs();
  const destination = createReceiver({
    answer: (n) => {
      if (n === 1) fs.die();
      return n === 1
        ? "take"
        : { error: new DeliveryError("ERR_DELIVERY_REJECTED", "answered with 400", { status: 400 }) };
    },
  });
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets, fs, processes: deadProcess }).catch(() => {});
  const report = await bed.upload({ targets, processes: nextProcess });
  expect(destination.bodies[1]).toBe(destination.bodies[0]);
  expect(report.destinations[0]).toMatchObject({ resent: 1, unknown: 1, refused: [] });
});

test("a process that dies while it looks for what the receiver fails on loses count of nothing", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 4);
  const fs = mortalFs();
  const destination = createReceiver({
    answer: (_, batch) => {
      const [series] = batch.series;
      if (series?.timestampsMs.includes(NOON + MINUTE)) return broken;
      fs.die();
      return "take";
    },
  });
  await bed
    .upload({ targets: [{ destination, project: asItIs }], fs, processes: deadProcess })
    .catch(() => {});
  await bed.upload({ targets: [{ destination, project: asItIs }], processes: nextProcess });
  const record = (await readLedger(bed.dir, nodeUploadFs)).destinations.get("store");
  expect(record).toMatchObject({ accepted: 3, refused: 0, unknown: 1 });
});

test("a request in doubt is made of what was young enough when it was named", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 3);
  const destination = createReceiver({ answer: (n) => (n === 1 ? lost : "take") });
  const targets = [{ destination, project: asItIs, maxAgeMs: 2 * HOUR }];
  await bed.upload({ targets, timeoutMs: 0 });
  bed.nowMs += DAY;
  await bed.upload({ targets });
  expect(destination.bodies[1]).toBe(destination.bodies[0]);
});

test("a request in doubt does not go again when consent was withdrawn", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 2);
  const destination = createReceiver({ answer: () => lost });
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets, timeoutMs: 0 });
  const report = await bed.upload({ targets, mayLeave: () => "no consent" });
  expect(destination.bodies).toHaveLength(1);
  expect(report.destinations[0]).toMatchObject({ accepted: 0, unknown: 2 });
});

test("what consent kept here when its day was deleted does not leave later", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, { a_total: 1 });
  await bed.write("bbbbbbbb", NOON + MINUTE, { b_total: 2 });
  await utimes(join(bed.dir, "2025-10-06.prom"), new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 3 * DAY;
  const destination = createReceiver({ keepsHistory: false });
  const targets = [{ destination, project: asItIs }];
  const mayLeave = ({ header }: { header: { session: string } }) =>
    header.session !== "bbbbbbbb" || "no consent";
  const report = await bed.upload({ targets, mayLeave, cleanup: {} });
  expect(report.deleted).toMatchObject([{ cause: "settled" }]);
  await bed.write("cccccccc", NOON + 3 * DAY, { c_total: 3 });
  await bed.upload({ targets, mayLeave });
  expect(destination.samples.filter((sample) => sample.startsWith("b_total"))).toEqual([]);
});

test("a dry run writes nothing, not even for a moment", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 2);
  const fs = mortalFs();
  fs.die();
  const destination = createReceiver();
  const report = await bed.upload({
    targets: [{ destination, project: asItIs }],
    dryRun: true,
    cleanup: {},
    fs,
  });
  expect(report.destinations[0]).toMatchObject({ accepted: 2, failure: undefined });
});

test("a name that stands for another destination does not go on from the totals of the one before", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 5 });
  await utimes(join(bed.dir, "2025-10-06.prom"), new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 3 * DAY;
  await bed.upload({ targets: [{ destination: createReceiver(), project: asItIs }], cleanup: {} });
  await bed.write("bbbbbbbb", NOON + 3 * DAY, "start");
  await bed.write("bbbbbbbb", NOON + 3 * DAY + MINUTE, { a_total: 2 });
  const other = createReceiver({ identity: "elsewhere" });
  await bed.upload({ targets: [{ destination: other, project: asItIs }] });
  expect(other.samples).toEqual([`a_total 0@${3 * DAY}`, `a_total 2@${3 * DAY + MINUTE}`]);
});

test("what was being sent again on purpose goes on with the same bytes", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 8);
  const destination = createReceiver({ maxSamples: 3, answer: (n) => (n === 5 ? lost : "take") });
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.upload({ targets, force: true, timeoutMs: 0 });
  const report = await bed.upload({ targets });
  expect(destination.bodies[5]).toBe(destination.bodies[4]);
  expect(report).toMatchObject({ verdict: 0, destinations: [{ unknown: 0, resent: 3 }] });
});

test("frames that came late after a sending on purpose was cut off show in its continuation and once only", async (context) => {
  const bed = await createTestBed(context);
  await writeMinutes(bed, 4);
  const destination = createReceiver({ maxSamples: 2, answer: (n) => (n === 3 ? lost : "take") });
  const targets = [{ destination, project: asItIs }];
  await bed.upload({ targets });
  await bed.upload({ targets, force: true, timeoutMs: 0 });
  await bed.write("bbbbbbbb", NOON + MINUTE + 1, "start");
  await bed.write("bbbbbbbb", NOON + 2 * MINUTE + 1, { a_total: 10 });
  const report = await bed.upload({ targets });
  expect(destination.bodies[3]).toBe(destination.bodies[2]);
  expect(report.verdict).toBe(0);
  expect(destination.samples.at(-1)).toBe(`a_total 13@${4 * MINUTE + 1}`);
});

test("a process that dies after it kept the totals and before it deleted the days changes no total", async (context) => {
  for (const isSettled of [true, false]) {
    const bed = await createTestBed(context);
    await bed.write("aaaaaaaa", NOON, "start");
    await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 5 });
    await utimes(join(bed.dir, "2025-10-06.prom"), new Date(NOON), new Date(NOON));
    bed.nowMs = NOON + 3 * DAY;
    const dying: UploadFs = {
      ...nodeUploadFs,
      async rename(from, to) {
        if (to.includes(".removing-") || from.endsWith(".partial"))
          throw Object.assign(new Error("the machine is off"), { code: "EIO" });
        await nodeUploadFs.rename(from, to);
      },
    };
    const destination = createReceiver({ answer: (n) => (isSettled || n > 1 ? "take" : busy) });
    const targets = [{ destination, project: asItIs }];
    const cleanup = { unsettledOlderThanDays: 1 };
    const report = await bed.upload({
      targets,
      cleanup,
      timeoutMs: 0,
      journal: { ...bed.journal, fs: dying },
    });
    expect(report.deleted).toEqual([]);
    expect(report.kept.at(-1)?.reason).toContain("the machine is off");
    expect((await bed.journal.index()).files).toHaveLength(1);

    await bed.write("bbbbbbbb", NOON + 3 * DAY, "start");
    await bed.write("bbbbbbbb", NOON + 3 * DAY + MINUTE, { a_total: 2 });
    const next = await bed.upload({ targets, cleanup });
    expect(destination.samples.at(-1)).toBe(`a_total 7@${3 * DAY + MINUTE}`);
    expect(next.deleted).toMatchObject([{ day: "2025-10-06", cause: isSettled ? "settled" : "age" }]);
    await bed.write("bbbbbbbb", NOON + 3 * DAY + 2 * MINUTE, { a_total: 3 });
    await bed.upload({ targets });
    expect(destination.samples.at(-1)).toBe(`a_total 8@${3 * DAY + 2 * MINUTE}`);
  }
});
