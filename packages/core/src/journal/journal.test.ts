import { mkdir, mkdtemp, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { MetricFamily } from "../series/index.ts";
import { encodeFrame } from "./encode-frame.ts";
import type { FrameHeader, SessionInfo } from "./frame.ts";
import { openJournal } from "./journal.ts";
import { nodeJournalFs } from "./journal-fs.ts";
import { removeDay } from "./remove-day.ts";

const START = Date.UTC(2025, 9, 6, 14, 30);
const NOW = START + 3_600_000;
const INFO: SessionInfo = { app: "k1", startedMs: START, intervalMs: 300_000 };

async function directory(
  { onTestFinished }: Pick<TestContext, "onTestFinished">,
  files: Record<string, readonly Uint8Array[]>,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-journal-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const [name, frames] of Object.entries(files)) {
    await writeFile(join(dir, name), Buffer.concat(frames));
    await utimes(join(dir, name), START / 1000, START / 1000);
  }
  return dir;
}

function journalOf(dir: string, now = NOW) {
  return openJournal(dir, { now: () => now });
}

interface FrameShape extends Partial<FrameHeader> {
  readonly info?: SessionInfo;
  readonly values?: readonly number[];
}

function frame(seq: number, { info, values = [seq], ...rest }: FrameShape = {}): Uint8Array {
  const fixed = { session: "3f9c2a17", kind: "full", origin: "app", consent: "config", exit: false } as const;
  const series = values.map((_, i) => ({ name: "k1_open", labels: [{ name: "i", value: `${i}` }] }));
  const family: MetricFamily = {
    name: "k1_open",
    type: "gauge",
    help: "Open.",
    unit: "",
    series,
    values,
    timestampsMs: values.map(() => Number.NaN),
  };
  return encodeFrame({ ...fixed, seq, writtenMs: START + seq * 1000, ...rest }, info, [family]);
}

test("a directory that is not there is an empty journal", async () => {
  const nothing = { frames: [], held: [], damage: [], unsupported: [], files: [] };
  expect(await journalOf(join(tmpdir(), "promferry-no-such-directory")).index()).toEqual(nothing);
});

test("frames of all files come in order of time, session and number", async (context) => {
  const dir = await directory(context, {
    "2025-10-06.prom": [frame(2), frame(0, { info: INFO }), frame(2, { session: "00000000" })],
    "2025-10-06.3f9c2a17.prom": [frame(1)],
    "2025-10-05.prom": [frame(3)],
    "notes.prom": [frame(4)],
    ".uploaded": [frame(5)],
  });
  const { frames, files } = await journalOf(dir).index();
  expect(frames.map(({ header: { session, seq }, file }) => [session, seq, file])).toEqual([
    ["3f9c2a17", 0, "2025-10-06.prom"],
    ["3f9c2a17", 1, "2025-10-06.3f9c2a17.prom"],
    ["00000000", 2, "2025-10-06.prom"],
    ["3f9c2a17", 2, "2025-10-06.prom"],
    ["3f9c2a17", 3, "2025-10-05.prom"],
  ]);
  expect(files.map(({ name, day, frameCount }) => [name, day, frameCount])).toEqual([
    ["2025-10-05.prom", "2025-10-05", 1],
    ["2025-10-06.3f9c2a17.prom", "2025-10-06", 1],
    ["2025-10-06.prom", "2025-10-06", 3],
  ]);
});

test("a frame is read with its samples, and equal series are one object", async (context) => {
  const dir = await directory(context, {
    "2025-10-06.prom": [
      frame(0, { info: INFO, values: [1, Number.NaN] }),
      frame(1, { values: [Number.POSITIVE_INFINITY] }),
    ],
  });
  const journal = journalOf(dir);
  const { frames } = await journal.index();
  const [first, second] = await Promise.all(frames.map((ref) => journal.read(ref)));
  expect(first).toMatchObject({
    info: INFO,
    families: [{ values: [1, Number.NaN], timestampsMs: [START, START] }],
  });
  expect(second).toMatchObject({ info: INFO, families: [{ values: [Number.POSITIVE_INFINITY] }] });
  expect(second?.families[0]?.series[0]).toBe(first?.families[0]?.series[0]);
});

test("a repeated frame counts once", async (context) => {
  const dir = await directory(context, {
    "2025-10-06.prom": [frame(0, { info: INFO }), frame(0)],
    "2025-10-06.0001.prom": [frame(0)],
  });
  const { frames, damage } = await journalOf(dir).index();
  expect(frames).toMatchObject([{ info: INFO }]);
  expect(damage).toEqual([]);
});

test("two sessions that drew one name are reported, not merged in silence", async (context) => {
  const dir = await directory(context, { "2025-10-06.prom": [frame(0), frame(0, { writtenMs: START + 5 })] });
  const { frames, damage } = await journalOf(dir).index();
  expect(frames).toHaveLength(1);
  expect(damage).toMatchObject([{ reason: "conflict", session: "3f9c2a17", seq: 0, recovered: false }]);
});

for (const { name, writtenMs, held } of [
  { name: "10 min ahead is taken", writtenMs: NOW + 600_000, held: false },
  { name: "more than 10 min ahead is held", writtenMs: NOW + 600_001, held: true },
  { name: "of 2020 is taken", writtenMs: Date.UTC(2020, 0, 1), held: false },
  { name: "from before 2020 is held", writtenMs: Date.UTC(2020, 0, 1) - 1, held: true },
]) {
  test(`a frame ${name}`, async (context) => {
    const dir = await directory(context, { "2025-10-06.prom": [frame(0, { writtenMs })] });
    const index = await journalOf(dir).index();
    expect([index.frames.length, index.held.length]).toEqual(held ? [0, 1] : [1, 0]);
  });
}

for (const { name, infos, expected, lost } of [
  { name: "the last before it", infos: { 0: "a", 2: "b" }, expected: ["a", "a", "b", "b"], lost: 0 },
  {
    name: "the next after it when its first frames are damaged",
    infos: { 2: "b" },
    expected: ["b", "b", "b", "b"],
    lost: 0,
  },
  {
    name: "assumed when every frame that has it is damaged",
    infos: {},
    expected: [undefined, undefined, undefined, undefined],
    lost: 4,
  },
]) {
  test(`a frame's info is ${name}`, async (context) => {
    const apps: Record<number, string> = infos;
    const frames = [0, 1, 2, 3].map((seq) => {
      const app = apps[seq];
      return frame(seq, app === undefined ? {} : { info: { ...INFO, app } });
    });
    const dir = await directory(context, { "2025-10-06.prom": frames });
    const index = await journalOf(dir).index();
    expect(index.frames.map(({ info }) => info.app)).toEqual(expected);
    expect(index.frames.filter(({ info }) => info.lost)).toHaveLength(lost);
  });
}

test("an open tail is pending until a later frame follows or the file is closed", async (context) => {
  const tail = frame(1).subarray(0, 150);
  const dir = await directory(context, { "2025-10-06.prom": [frame(0), tail] });
  const place = { offsetBytes: frame(0).length + 1, lengthBytes: 149 };
  const open = await journalOf(dir).index();
  expect(open).toMatchObject({ damage: [], files: [{ closed: false, pending: place }] });

  const closed = await journalOf(dir, START + 3 * 86_400_000).index();
  expect(closed).toMatchObject({ damage: [{ reason: "torn", ...place }], files: [{ closed: true }] });
  expect(closed.files[0]).not.toHaveProperty("pending");

  await writeFile(join(dir, "2025-10-06.prom"), frame(2), { flag: "a" });
  const followed = await journalOf(dir).index();
  expect(followed).toMatchObject({
    damage: [{ reason: "torn", session: "3f9c2a17", seq: 1, recovered: false, ...place, lengthBytes: 150 }],
  });
  expect(followed.frames.map(({ header }) => header.seq)).toEqual([0, 2]);
});

test("frames and lines larger than a chunk are found, and so is what follows them", async (context) => {
  const many = Array.from({ length: 20_000 }, (_, i) => i);
  const long = frame(1, { info: { ...INFO, runId: "x".repeat(700_000) } });
  const dir = await directory(context, { "2025-10-06.prom": [frame(0, { values: many }), long, frame(2)] });
  const { frames, damage } = await journalOf(dir).index();
  expect(damage).toEqual([]);
  expect(frames.map(({ sampleCount }) => sampleCount)).toEqual([20_000, 1, 1]);
});

test("a file that can't be read is said, and the others are read", async (context) => {
  const dir = await directory(context, { "2025-10-05.prom": [frame(0)], "2025-10-06.prom": [frame(1)] });
  const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  const openRead = async (path: string) => {
    if (path.endsWith("05.prom")) throw denied;
    return nodeJournalFs.openRead(path);
  };
  const { frames, files } = await openJournal(dir, {
    fs: { ...nodeJournalFs, openRead },
    now: () => NOW,
  }).index();
  expect(frames).toHaveLength(1);
  expect(files[0]).toMatchObject({ name: "2025-10-05.prom", error: { code: "ERR_JOURNAL_FORBIDDEN" } });
});

test("a folder that is called like a day file is passed over", async (context) => {
  const dir = await directory(context, { "2025-10-06.prom": [frame(1)] });
  for (const name of ["2025-10-04.prom.gz", "2025-10-05.prom", "2025-10-06.0001.prom"]) {
    await mkdir(join(dir, name));
  }
  const { frames, files } = await journalOf(dir).index();
  expect(frames).toHaveLength(1);
  expect(files.map(({ name }) => name)).toEqual(["2025-10-06.prom"]);
});

test("a frame that changed since the index is not read", async (context) => {
  const dir = await directory(context, { "2025-10-06.prom": [frame(0), frame(1)] });
  const journal = journalOf(dir);
  const { frames } = await journal.index();
  await truncate(join(dir, "2025-10-06.prom"), frame(0).length + 20);
  await expect(journal.read(frames[1]!)).rejects.toMatchObject({ code: "ERR_JOURNAL_DAMAGED" });
  await rm(join(dir, "2025-10-06.prom"));
  await expect(journal.read(frames[0]!)).rejects.toMatchObject({ code: "ERR_JOURNAL_GONE" });
});

test("a day is removed when nothing came since the index", async (context) => {
  const dir = await directory(context, { "2025-10-05.prom": [frame(0)], "2025-10-06.prom": [frame(1)] });
  const journal = journalOf(dir);
  const { files } = await journal.index();
  expect(await removeDay(journal, files[0]!)).toBe("removed");
  expect((await journal.index()).files.map(({ name }) => name)).toEqual(["2025-10-06.prom"]);
});

test("a day to which a frame was added stays", async (context) => {
  const dir = await directory(context, { "2025-10-06.prom": [frame(0)] });
  const journal = journalOf(dir);
  const { files } = await journal.index();
  await writeFile(join(dir, "2025-10-06.prom"), frame(1), { flag: "a" });
  expect(await removeDay(journal, files[0]!)).toBe("kept");
  expect((await journal.index()).frames).toHaveLength(2);
});

test("a frame that comes while its day is being removed stays, under a name that readers take", async (context) => {
  const dir = await directory(context, { "2025-10-06.prom": [frame(0)] });
  const rename = async (from: string, to: string) => {
    await nodeJournalFs.rename(from, to);
    await writeFile(to, frame(1), { flag: "a" });
  };
  const journal = openJournal(dir, { fs: { ...nodeJournalFs, rename }, now: () => NOW });
  const { files } = await journal.index();
  expect(await removeDay(journal, files[0]!)).toBe("kept");
  const after = await journal.index();
  expect(after.frames).toHaveLength(2);
  expect(after.files[0]?.name).toMatch(/^2025-10-06\.removing-[0-9a-f]{8}\.prom$/);
});
