import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { createSeriesDictionary, type MetricFamily } from "../series/index.ts";
import { compressDay } from "./compress-day.ts";
import { encodeFrame } from "./encode-frame.ts";
import { type Journal, openJournal } from "./journal.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter } from "./journal-writer.ts";
import { repairDay, repairedName } from "./repair-day.ts";

const START = Date.UTC(2025, 9, 6, 8);
/** Later than the files of the test are made. */
const CLOSED = Date.UTC(2100, 0);
const DAY = "2025-10-06.prom";
const { intern } = createSeriesDictionary();

function page(views: number): MetricFamily[] {
  return ["views_total", "idle"].map((name, i) => ({
    name,
    type: "gauge",
    help: "",
    unit: "",
    series: ["pods", "nodes"].map((value) => intern(name, [{ name: "screen", value }])),
    values: i === 0 ? [views, views / 3] : [1, 2],
    timestampsMs: [Number.NaN, Number.NaN],
  }));
}

/** A closed day of one session: a start frame, a full one, three of changes, and an exit frame. */
async function day({ onTestFinished }: Pick<TestContext, "onTestFinished">, packed = false) {
  const dir = await mkdtemp(join(tmpdir(), "promferry-repair-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  let now = START;
  const writer = createJournalWriter({
    dir,
    session: "3f9c2a17",
    origin: "app",
    consent: "config",
    info: { intervalMs: 300_000 },
    dayBoundary: "utc",
    platform: "linux",
    now: () => now,
    monotonicMs: () => now,
  });
  await writer.write({ kind: "start", families: [] });
  for (const views of [1, 2, 3, 5]) {
    now += 300_000;
    await writer.write({ kind: "full", families: page(views) });
  }
  now += 1;
  await writer.write({ kind: "full", families: page(6), exit: true });
  const journal = openJournal(dir, { now: () => CLOSED });
  if (packed) await compressDay(journal, (await journal.index()).files[0]!);
  const name = packed ? `${DAY}.gz` : DAY;
  return { dir, journal, name, path: join(dir, name), bytes: await readFile(join(dir, name)) };
}

/** The bytes of each valid frame, by session and number. */
async function frameBytes({ dir, index }: Journal): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { file, header, offsetBytes, lengthBytes } of (await index()).frames) {
    const bytes = await readFile(join(dir, file));
    const frame = bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    found[`${header.session} ${header.seq}`] = frame.toString("latin1");
  }
  return found;
}

async function repairAll(journal: Journal) {
  const { files, damage } = await journal.index();
  const results = [];
  for (const file of files) {
    const own = damage.filter((each) => each.file === file.name && each.reason !== "conflict");
    if (own.length > 0) results.push(await repairDay(journal, file, own));
  }
  return results;
}

for (const packed of [false, true]) {
  test(`a byte flipped anywhere in a ${packed ? "compressed" : "plain"} day leaves every other frame as it was`, {
    timeout: 60_000,
  }, async (context) => {
    const { dir, journal, path, bytes } = await day(context, packed);
    for (let at = 1; at < bytes.length; at += 17) {
      for (const name of await readdir(dir)) await rm(join(dir, name));
      const broken = Buffer.from(bytes);
      broken[at]! ^= 1 << (at % 8);
      await writeFile(path, broken);
      const before = await frameBytes(journal);
      const { damage } = await journal.index();
      const results = await repairAll(journal);
      expect({ at, after: await frameBytes(journal) }).toEqual({ at, after: before });
      if (results.some(({ result }) => result === "repaired")) {
        expect({ at, damage: (await journal.index()).damage }).toEqual({ at, damage: [] });
      } else expect({ at, damage: damage.length }).toEqual({ at, damage: 0 });
      expect(await readdir(dir)).toHaveLength(1);
    }
  });
}

const garbage = "no frame\n";
const later = `\n# Written: 2025-10-06T09:00:00.000Z v=3 session=3f9c2a17 seq=90 shape=new\nx 1\n# End: of=another crc=1\n`;

for (const { name, before, after, file } of [
  { name: "at its beginning", before: garbage, after: "", file: DAY },
  { name: "at its end, without a line feed", before: "", after: "\n# Written: 2025", file: DAY },
  { name: "beside a frame of a later version", before: later, after: garbage, file: DAY },
  {
    name: "in a file repaired before",
    before: garbage,
    after: "",
    file: "2025-10-06.repaired-00000001.prom",
  },
]) {
  test(`a day with damage ${name} keeps every other byte`, async (context) => {
    const { dir, journal, path, bytes } = await day(context);
    await rm(path);
    await writeFile(join(dir, file), Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]));
    const { files, damage, unsupported } = await journal.index();
    const kept = before === later ? Buffer.concat([Buffer.from(later), bytes]) : bytes;
    expect(await repairAll(journal)).toEqual([{ result: "repaired", gone: false }]);
    const [now] = await readdir(dir);
    expect(now).toBe(repairedName(files[0]!, damage));
    if (file !== DAY) expect(now).toBe(file);
    // The line feed that ended a torn line may go with it.
    expect((await readFile(join(dir, now!))).toString().trim()).toBe(kept.toString().trim());
    expect(await journal.index()).toMatchObject({ damage: [], unsupported: unsupported.map(() => ({})) });
  });
}

test("a day that is nothing but damage goes", async (context) => {
  const { dir, journal, path } = await day(context);
  await writeFile(path, garbage);
  expect(await repairAll(journal)).toEqual([{ result: "repaired", gone: true }]);
  expect(await readdir(dir)).toEqual([]);
});

test("a stretch that reaches into a valid frame is left", async (context) => {
  const { journal, path, bytes } = await day(context);
  const [file] = (await journal.index()).files;
  expect(await repairDay(journal, file!, [{ offsetBytes: 0, lengthBytes: 100 }])).toMatchObject({
    result: "kept",
  });
  expect(await readFile(path)).toEqual(bytes);
});

test("a day that is not over is left", async (context) => {
  const { dir, path } = await day(context);
  await appendFile(path, garbage);
  const journal = openJournal(dir, { now: () => START });
  const { files, damage } = await journal.index();
  expect(await repairDay(journal, files[0]!, damage)).toEqual({
    result: "kept",
    reason: "the day is not over",
  });
});

/** Calls `before` ahead of each step that changes the directory. */
function stepping(before: (call: number, step: string) => Promise<void>): JournalFs {
  let calls = 0;
  const step = async (name: string) => before(++calls, name);
  return {
    ...nodeJournalFs,
    async openAppend(path) {
      await step("open");
      const file = await nodeJournalFs.openAppend(path);
      return {
        ...file,
        append: async (bytes) => step("append").then(() => file.append(bytes)),
        sync: async () => step("sync").then(() => file.sync()),
      };
    },
    rename: async (from, to) => step("rename").then(() => nodeJournalFs.rename(from, to)),
    unlink: async (path) => step("unlink").then(() => nodeJournalFs.unlink(path)),
    syncDirectory: async (path) => step("syncDirectory").then(() => nodeJournalFs.syncDirectory(path)),
  };
}

/** The steps of an undisturbed repair: unlink, open, append (twice), sync, rename, syncDirectory, rename, unlink. */
const STEPS = 12;

for (const packed of [false, true]) {
  for (let at = 1; at <= STEPS; at++) {
    test(`a repair of a ${packed ? "compressed" : "plain"} day that dies at step ${at} loses nothing`, async (context) => {
      const { dir, journal, path, bytes } = await day(context, packed);
      const broken = Buffer.from(bytes);
      // Well inside a frame, compressed or not.
      broken[Math.floor(bytes.length / 2) - 60]! ^= 1;
      await writeFile(path, broken);
      const before = await frameBytes(journal);
      expect(Object.keys(before)).toHaveLength(5);
      const dead = stepping(async (call) => {
        if (call >= at) throw Object.assign(new Error("dead"), { code: "EIO" });
      });
      await repairAll(openJournal(dir, { fs: dead, now: () => CLOSED })).catch(() => {});
      expect(await frameBytes(journal)).toEqual(before);
      await repairAll(journal);
      expect(await frameBytes(journal)).toEqual(before);
      expect((await journal.index()).damage).toEqual([]);
    });

    test(`a frame that comes before step ${at} of a repair of a ${packed ? "compressed" : "plain"} day stays`, async (context) => {
      const { dir, journal, path, bytes } = await day(context, packed);
      await writeFile(path, Buffer.concat([bytes, Buffer.from(garbage)]));
      const frame = encodeFrame(
        {
          writtenMs: START + 1,
          session: "00000001",
          seq: 0,
          kind: "full",
          origin: "app",
          consent: "config",
          exit: false,
        },
        undefined,
        page(9),
      );
      // As a writer does: to the path, whatever file has it, and made where it is missing.
      let came = false;
      const fs = stepping(async (call) => {
        if (call !== at) return;
        came = true;
        await appendFile(join(dir, DAY), frame);
      });
      await repairAll(openJournal(dir, { fs, now: () => CLOSED }));
      const sessions = (await journal.index()).frames.map(({ header }) => header.session);
      expect(sessions.filter((session) => session === "3f9c2a17")).toHaveLength(6);
      expect(sessions.includes("00000001")).toBe(came);
    });
  }
}
