import { appendFile, cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppendFile, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import {
  nodeUploadFs,
  type ProcessTable,
  readLedger,
  repairJournal,
  UploadBusyError,
  type UploadFs,
} from "./index.ts";

const FILE = "2025-10-06.prom";

/** A closed day with two damaged stretches, one of them a frame of which another copy is valid. */
async function damagedDay(bed: TestBed): Promise<string> {
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 1 });
  const path = join(bed.dir, FILE);
  const whole = await readFile(path, "latin1");
  const copy = whole.slice(whole.lastIndexOf("\n# Written"), -40);
  await writeFile(path, `${whole}${copy}\nstray bytes\n`);
  await bed.write("aaaaaaaa", NOON + 2 * MINUTE, { a_total: 2 });
  await age(bed);
  return path;
}

/** So that every day of the test is over. */
async function age(bed: TestBed): Promise<void> {
  bed.nowMs = NOON + 5 * DAY;
  for (const name of await readdir(bed.dir)) {
    if (name.includes(".prom")) await utimes(join(bed.dir, name), new Date(NOON), new Date(NOON));
  }
}

const repair = (bed: TestBed) =>
  repairJournal({
    journal: openJournal(bed.dir, { now: () => bed.nowMs }),
    now: () => bed.nowMs,
    sleep: async () => {},
  });

async function quarantineLines({ dir }: TestBed): Promise<{ copy: string }[]> {
  const text = await readFile(join(dir, "quarantine", "index.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("what an earlier repair left torn under the repaired day's name is replaced, and not read at places that it no longer has", async (context) => {
  const bed = await createTestBed(context);
  await damagedDay(bed);
  const original = join(bed.dir, "original");
  await cp(join(bed.dir, FILE), original);
  const [first] = (await repair(bed)).repaired;
  const name = first?.name ?? "";
  const whole = await readFile(join(bed.dir, name));
  // As after a power loss: the day is back, and the repaired one ends in bytes that nobody wrote.
  await cp(original, join(bed.dir, FILE));
  await writeFile(join(bed.dir, name), Buffer.concat([whole, Buffer.from("torn\n")]));
  await rm(original);
  await age(bed);
  const { repaired, left } = await repair(bed);
  expect(repaired.map((each) => each.file)).toEqual([FILE]);
  expect(left).toEqual([]);
  expect(await readFile(join(bed.dir, name))).toEqual(whole);
  const lengths = (await quarantineLines(bed)).map((line) => (line as unknown as { length: number }).length);
  expect(lengths).not.toContain(0);
  expect((await bed.journal.index()).damage).toEqual([]);
});

test("damage of a closed day lies in quarantine afterwards, with what it was, and the day without it", async (context) => {
  const bed = await createTestBed(context);
  const before = await readFile(await damagedDay(bed), "latin1");
  const { repaired, left } = await repair(bed);
  expect(left).toEqual([]);
  expect(repaired).toMatchObject([
    {
      file: FILE,
      damage: [
        { reason: "trailer", recovered: true },
        { reason: "stray", recovered: false },
      ],
    },
  ]);

  const index = await bed.journal.index();
  expect(index.damage).toEqual([]);
  expect(index.frames.map(({ header }) => header.seq)).toEqual([0, 1, 2]);
  const lines = await quarantineLines(bed);
  expect(lines).toMatchObject([
    {
      reason: "trailer",
      file: FILE,
      offset: expect.any(Number),
      crc32: expect.stringMatching(/^[0-9a-f]{8}$/),
    },
    { reason: "stray", file: FILE, length: 13 },
  ]);
  let rest = before;
  for (const { copy } of lines) {
    rest = rest.replace(await readFile(join(bed.dir, "quarantine", copy), "latin1"), "");
  }
  expect(await readFile(join(bed.dir, repaired[0]!.name!), "latin1")).toBe(rest);
  expect(await repair(bed)).toEqual({ repaired: [], left: [] });
});

test("what a destination has, and was not sent by choice, is known of the repaired day", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 1 });
  await bed.write("aaaaaaaa", NOON, { a_total: 2 });
  const targets = [{ destination: createReceiver(), project: asItIs }];
  await bed.upload({ targets, from: "2025-10-06" });
  await appendFile(join(bed.dir, "2025-10-05.prom"), "stray\n");
  await age(bed);
  await repair(bed);
  await age(bed);
  const { kept } = await bed.upload({ targets, cleanup: {} });
  expect(kept[0]?.reason).toMatch(/^2 frames of 2025-10-05\.repaired-[0-9a-f]{8}\.prom were passed over/);
  expect(await readFile(join(bed.dir, ".uploaded"), "utf8")).not.toContain('"2025-10-05.prom"');
});

test("a first frame that was damaged is not taken for a day that was deleted, before its repair or after", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  const path = join(bed.dir, FILE);
  await writeFile(path, (await readFile(path, "latin1")).replace("startedMs", "StartedMs"));
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 1 });
  await age(bed);
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const notes = async () => (await bed.upload({ targets })).destinations[0]?.notes;
  await bed.upload({ targets });
  expect(await notes()).toEqual([]);
  expect((await repair(bed)).repaired).toHaveLength(1);
  expect(await notes()).toEqual([]);
});

test("a day that is not over is left as it is, and named", async (context) => {
  const bed = await createTestBed(context);
  const path = await damagedDay(bed);
  const before = await readFile(path);
  bed.nowMs = NOON + MINUTE;
  expect(await repair(bed)).toEqual({ repaired: [], left: [{ file: FILE, reason: "the day is not over" }] });
  expect(await readFile(path)).toEqual(before);
  expect(await readdir(bed.dir)).toEqual([FILE]);
});

test("two valid frames that contradict each other both stay", async (context) => {
  const bed = await createTestBed(context);
  const other = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await other.write("aaaaaaaa", NOON + MINUTE, "start");
  await writeFile(join(bed.dir, "2025-10-06.other.prom"), await readFile(join(other.dir, FILE)));
  await age(bed);
  const reason = "two valid frames of one session and number differ; both stay";
  expect(await repair(bed)).toEqual({ repaired: [], left: [{ file: FILE, reason }] });
  expect(await readdir(bed.dir)).toEqual(["2025-10-06.other.prom", FILE]);
});

test("nothing is repaired while another process holds the journal", async (context) => {
  const bed = await createTestBed(context);
  const path = await damagedDay(bed);
  const before = await readFile(path);
  const self = { pid: 1, start: "1", boot: "b", host: "h", pidNamespace: "n" };
  const lock = {
    v: 1,
    pid: 1,
    start: "1",
    boot: "b",
    host: "h",
    pid_namespace: "n",
    refreshed_at: new Date(bed.nowMs),
    token: "t",
  };
  await writeFile(join(bed.dir, ".upload-lock.1"), JSON.stringify(lock));
  await expect(
    repairJournal({
      journal: bed.journal,
      now: () => bed.nowMs,
      sleep: async () => {},
      processes: { self: async () => self, startOf: async () => "1" },
    }),
  ).rejects.toThrow(UploadBusyError);
  expect(await readFile(path)).toEqual(before);
});

/** The file system of a process that dies at its n-th change: from then on nothing is changed any more. */
function dying(n: number): { fs: UploadFs; calls: () => number } {
  let calls = 0;
  const step = async () => {
    if (++calls >= n) throw Object.assign(new Error("dead"), { code: "EIO" });
  };
  const opened = (file: AppendFile): AppendFile => ({
    ...file,
    append: async (bytes) => step().then(() => file.append(bytes)),
    sync: async () => step().then(() => file.sync()),
  });
  const fs: UploadFs = {
    ...nodeUploadFs,
    makeDirectory: async (path) => step().then(() => nodeUploadFs.makeDirectory(path)),
    openAppend: async (path) => step().then(async () => opened(await nodeUploadFs.openAppend(path))),
    openNew: async (path) => step().then(async () => opened(await nodeUploadFs.openNew(path))),
    rename: async (from, to) => step().then(() => nodeUploadFs.rename(from, to)),
    unlink: async (path) => step().then(() => nodeUploadFs.unlink(path)),
    syncDirectory: async (path) => step().then(() => nodeUploadFs.syncDirectory(path)),
  };
  return { fs, calls: () => calls };
}

/** A process of this machine; another start time is another process. */
function processes(start: string): ProcessTable {
  const self = { pid: 7, start, boot: "b", host: "h", pidNamespace: "n" };
  return { self: async () => self, startOf: async () => start };
}

test("a repair that dies at any change of the disk loses no frame and no word of the ledger, and the next one ends it", {
  timeout: 60_000,
}, async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 1 });
  await bed.write("aaaaaaaa", NOON, { a_total: 2 });
  await bed.upload({ targets: [{ destination: createReceiver(), project: asItIs }], from: "2025-10-06" });
  await appendFile(join(bed.dir, "2025-10-05.prom"), "stray\n");
  const before = await mkdtemp(join(tmpdir(), "promferry-before-"));
  context.onTestFinished(() => rm(before, { recursive: true, force: true }));
  await cp(bed.dir, before, { recursive: true });
  bed.nowMs = NOON + 5 * DAY;
  const now = () => bed.nowMs;
  let deaths = 0;
  for (let n = 1; ; n++) {
    await rm(bed.dir, { recursive: true, force: true });
    await cp(before, bed.dir, { recursive: true });
    await age(bed);
    const { fs, calls } = dying(n);
    const attempt = repairJournal({
      journal: openJournal(bed.dir, { fs, now }),
      fs,
      now,
      sleep: async () => {},
      processes: processes("1"),
    });
    await attempt.catch(() => {});
    if (calls() < n) break;
    deaths++;
    const frames = async () => (await bed.journal.index()).frames.map(({ header }) => header.seq);
    expect({ n, frames: await frames() }).toEqual({ n, frames: [0, 1, 2] });
    await age(bed);
    await repairJournal({
      journal: openJournal(bed.dir, { now }),
      now,
      sleep: async () => {},
      processes: processes("2"),
    });
    expect({ n, frames: await frames(), damage: (await bed.journal.index()).damage }).toEqual({
      n,
      frames: [0, 1, 2],
      damage: [],
    });
    const ledger = await readLedger(bed.dir, nodeUploadFs);
    // One of its files is enough to keep the day; frames of a copy left aside count once.
    const day = (await bed.journal.index()).files.filter((file) => file.day === "2025-10-05");
    const passedOver = day.map(({ name }) => ledger.files.get(name)?.get("store")?.passedOver);
    expect({ n, passedOver: passedOver.filter((frames) => frames !== undefined) }).toEqual({
      n,
      passedOver: [2],
    });
  }
  expect(deaths).toBeGreaterThan(20);
});
