import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { MetricFamily } from "../series/index.ts";
import { openJournal } from "./journal.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter } from "./journal-writer.ts";
import { removeDay } from "./remove-day.ts";
import { segmentsAmong } from "./segment-name.ts";
import { createSegmentReader } from "./segment-reader.ts";
import { createSegments } from "./segments.ts";

const NOON = Date.UTC(2025, 9, 6, 12);
const HOUR = 3_600_000;
const SHARED: JournalFs = { ...nodeJournalFs, fileSystemType: async () => 0xef53 };

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-segments-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const upSeries = { name: "up", labels: [] };
const otherSeries = { name: "up", labels: [{ name: "instance", value: "x".repeat(200) }] };

function up(value: number): MetricFamily[] {
  const family = { name: "up", type: "gauge", help: "", unit: "" } as const;
  const series = [upSeries, otherSeries];
  return [{ ...family, series, values: [value, 1], timestampsMs: [Number.NaN, Number.NaN] }];
}

function agent(dir: string, options: { maxBytes?: number; fs?: JournalFs } = {}) {
  const { maxBytes = 1_500, fs = SHARED } = options;
  const segments = createSegments({ dir, maxBytes, dayBoundary: "utc", fs });
  return (session: string) =>
    createJournalWriter({
      dir,
      session,
      origin: "scrape",
      consent: "user",
      info: { intervalMs: 1000 },
      dayBoundary: "utc",
      platform: "linux",
      fs,
      segments,
    });
}

async function write(
  writer: ReturnType<ReturnType<typeof agent>>,
  atMs: number,
  value: number,
): Promise<string> {
  return (await writer.write({ kind: "full", families: up(value), atMs })).file;
}

test("segments come one after the other, each begins with a full frame, and writers share them", async (context) => {
  const dir = await directory(context);
  const open = agent(dir);
  const [a, b] = [open("aaaaaaaa"), open("bbbbbbbb")];
  const files: string[] = [];
  for (let i = 0; i < 4; i++) {
    files.push(await write(a, NOON + i * 1000, i));
    files.push(await write(b, NOON + i * 1000, i));
  }
  expect(new Set(files)).toEqual(new Set(["2025-10-06.0001.prom", "2025-10-06.0002.prom"]));
  const { frames, damage, files: found } = await openJournal(dir).index();
  expect(damage).toEqual([]);
  expect(found.map(({ name }) => name)).toEqual(["2025-10-06.0001.prom", "2025-10-06.0002.prom"]);
  expect(frames).toHaveLength(8);
  for (const file of new Set(files)) {
    for (const session of ["aaaaaaaa", "bbbbbbbb"]) {
      const kinds = frames
        .filter((ref) => ref.file === file && ref.header.session === session)
        .map((ref) => ref.header.kind);
      expect(kinds).toEqual(["full", ...kinds.slice(1).map(() => "changes")]);
    }
  }
});

test("a restart goes on with the next number, another day begins anew, and an earlier day does not", async (context) => {
  const dir = await directory(context);
  expect(await write(agent(dir)("aaaaaaaa"), NOON, 1)).toBe("2025-10-06.0001.prom");
  const second = agent(dir)("bbbbbbbb");
  expect(await write(second, NOON + 1000, 1)).toBe("2025-10-06.0002.prom");
  expect(await write(second, NOON + 13 * HOUR, 1)).toBe("2025-10-07.0001.prom");
  expect(await write(agent(dir)("cccccccc"), NOON + 2000, 1)).toBe("2025-10-07.0002.prom");
});

test("where appends of processes may overlap, a segment's name is its writer's alone", async (context) => {
  const dir = await directory(context);
  const fs: JournalFs = { ...nodeJournalFs, fileSystemType: async () => 0x6969 };
  const file = await write(agent(dir, { fs })("aaaaaaaa"), NOON, 1);
  expect(file).toMatch(/^2025-10-06\.0001-[0-9a-f]{8}\.prom$/);
  expect(segmentsAmong(await readdir(dir))).toEqual([file]);
});

test("segments are told from day files by their names, and sorted by number", () => {
  const names = [
    "2025-10-06.10000.prom",
    "2025-10-06.9999.prom",
    "2025-10-06.0003.removing-0a0b0c0d.prom",
    "2025-10-06.0002.repaired-0a0b0c0d.prom",
    "2025-10-05.0007.prom",
    "2025-10-06.prom",
    "2025-10-06.12345678.prom",
    "2025-10-06.3f9c2a17.prom",
    "2025-10-06.0001.prom.gz",
  ];
  expect(segmentsAmong(names)).toEqual([
    "2025-10-05.0007.prom",
    "2025-10-06.0002.repaired-0a0b0c0d.prom",
    "2025-10-06.0003.removing-0a0b0c0d.prom",
    "2025-10-06.9999.prom",
    "2025-10-06.10000.prom",
  ]);
});

test("a segment is removed only as it was, and what came meanwhile stays at its place", async (context) => {
  const dir = await directory(context);
  const open = agent(dir);
  await write(open("aaaaaaaa"), NOON, 1);
  const journal = openJournal(dir);
  const [file] = (await journal.index()).files;
  await write(open("bbbbbbbb"), NOON + 1, 1);
  expect(await removeDay(journal, file!)).toBe("kept");
  const fs: JournalFs = {
    ...SHARED,
    async rename(from, to) {
      await nodeJournalFs.rename(from, to);
      await appendFile(to, "\n# late\n");
    },
  };
  const [now] = (await journal.index()).files;
  expect(await removeDay({ dir, fs }, now!)).toBe("kept");
  expect(segmentsAmong(await readdir(dir))).toEqual([expect.stringMatching(/^2025-10-06\.0001\.removing-/)]);
});

test("a reader gives each frame once, while the segment grows, and reads on from where it was", async (context) => {
  const dir = await directory(context);
  const writer = agent(dir, { maxBytes: 1e6 })("aaaaaaaa");
  const journal = openJournal(dir);
  const reader = createSegmentReader(
    { dir, fs: SHARED, now: () => NOON + HOUR },
    await write(writer, NOON, 0),
  );
  const values: number[] = [];
  for (let i = 1; i <= 5; i++) {
    const { frames, held, damage } = await reader.next(1, false);
    expect({ frames: frames.length, held, damage }).toEqual({ frames: 1, held: [], damage: [] });
    const { families, partial } = await journal.read(frames[0]!);
    expect(partial).toBeUndefined();
    reader.release(frames[0]!);
    values.push(families[0]!.values[0]!, families[0]!.values[1]!);
    await write(writer, NOON + i * 1000, i);
  }
  expect(values).toEqual([0, 1, 1, 1, 2, 1, 3, 1, 4, 1]);
});

test("a torn end waits while the segment may grow, and is damage once it is over", async (context) => {
  const dir = await directory(context);
  const writer = agent(dir, { maxBytes: 1e6 })("aaaaaaaa");
  const file = await write(writer, NOON, 0);
  await write(writer, NOON + 1000, 1);
  const path = join(dir, file);
  const whole = await readFile(path);
  await truncate(path, whole.length - 10);
  const reader = createSegmentReader({ dir, fs: SHARED, now: () => NOON + HOUR }, file);
  expect((await reader.next(1e6, false)).frames).toHaveLength(1);
  expect(await reader.next(1e6, false)).toEqual({ frames: [], held: [], damage: [], unsupported: [] });
  await writeFile(path, whole);
  expect((await reader.next(1e6, false)).frames).toHaveLength(1);
  await truncate(path, whole.length - 10);
  const late = createSegmentReader({ dir, fs: SHARED, now: () => NOON + HOUR }, file);
  expect(await late.next(1e6, true)).toMatchObject({ damage: [{ reason: "torn" }] });
  expect(late.offsetBytes).toBe(whole.length - 10);
  expect(await late.next(1e6, true)).toEqual({ frames: [], held: [], damage: [], unsupported: [] });
});

test("a frame of a wrong clock is held, and one that is written again is given once", async (context) => {
  const dir = await directory(context);
  const writer = agent(dir, { maxBytes: 1e6 })("aaaaaaaa");
  const file = await write(writer, NOON, 0);
  const first = await readFile(join(dir, file));
  await appendFile(join(dir, file), first);
  await write(writer, NOON + 2 * HOUR, 1);
  const reader = createSegmentReader({ dir, fs: SHARED, now: () => NOON + HOUR }, file);
  const { frames, held } = await reader.next(1e6, false);
  expect([frames.length, held.length]).toEqual([1, 1]);
});
