import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { MetricFamily } from "../series/index.ts";
import { openJournal } from "./journal.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter, type JournalWriter, type JournalWriterOptions } from "./journal-writer.ts";
import { scanFrames } from "./scan-frames.ts";

const START = Date.UTC(2025, 9, 6, 14, 30);
const SHARED: JournalFs = {
  ...nodeJournalFs,
  fileSystemType: async () => 0xef53,
  fileSystemTypeSync: () => 0xef53,
};

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-journal-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return join(dir, "a", "metrics");
}

/** A writer whose clocks stand still until the test moves them. */
function writer(dir: string, options: Partial<JournalWriterOptions> = {}) {
  const clock = { wallMs: START, monotonicMs: 5000 };
  const made: JournalWriter = createJournalWriter({
    dir,
    session: "3f9c2a17",
    origin: "app",
    consent: "config",
    info: { app: "k1", intervalMs: 300_000 },
    dayBoundary: "utc",
    fs: SHARED,
    platform: "linux",
    now: () => clock.wallMs,
    monotonicMs: () => clock.monotonicMs,
    ...options,
  });
  const advance = (ms: number) => {
    clock.wallMs += ms;
    clock.monotonicMs += ms;
  };
  return { writer: made, clock, advance };
}

function views(value: number): MetricFamily[] {
  const series = [{ name: "k1_views_total", labels: [] }];
  const family = { name: "k1_views_total", type: "counter", help: "Screens.", unit: "" } as const;
  return [{ ...family, series, values: [value], timestampsMs: [Number.NaN] }];
}

async function scan(dir: string, file = "2025-10-06.prom") {
  return scanFrames(await readFile(join(dir, file)));
}

function failing(code: string): Error {
  return Object.assign(new Error(`${code}: as the test wants it`), { code });
}

test("files and directories are for their owner only", async (context) => {
  const dir = await directory(context);
  await writer(dir).writer.write({ kind: "start", families: [] });
  const modes = await Promise.all(
    [dir, join(dir, ".."), join(dir, "2025-10-06.prom")].map((path) => stat(path)),
  );
  expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(["700", "700", "600"]);
});

test("nothing is touched before the first write", async (context) => {
  const dir = await directory(context);
  await writer(dir).writer.close();
  await expect(stat(dir)).rejects.toThrow("ENOENT");
});

test("frames are numbered and timed at the call and written in order", async (context) => {
  const dir = await directory(context);
  const { writer: journal, advance } = writer(dir);
  const writes = [
    journal.write({ kind: "start", families: [] }),
    journal.write({ kind: "full", families: views(1) }),
  ];
  advance(300_000);
  writes.push(journal.write({ kind: "full", families: views(2), exit: true }));
  const identity = { session: "3f9c2a17", file: "2025-10-06.prom" };
  expect(await Promise.all(writes)).toEqual([
    { ...identity, seq: 0, writtenMs: START },
    { ...identity, seq: 1, writtenMs: START + 1 },
    { ...identity, seq: 2, writtenMs: START + 300_000 },
  ]);
  const { frames, damage } = await scan(dir);
  expect(damage).toEqual([]);
  expect(frames.map(({ header }) => [header.kind, header.exit])).toEqual([
    ["start", false],
    ["full", false],
    ["full", true],
  ]);
});

test("the info stands in a session's first two frames of each file and where it changed", async (context) => {
  const dir = await directory(context);
  const { writer: journal, advance } = writer(dir);
  const full = { kind: "full", families: views(1) } as const;
  for (let i = 0; i < 4; i++) await journal.write(full);
  await journal.write({ ...full, info: { app: "k1", intervalMs: 60_000 } });
  advance(86_400_000);
  for (let i = 0; i < 3; i++) await journal.write(full);
  const before = (await scan(dir)).frames.map(({ info }) => info?.intervalMs);
  const after = (await scan(dir, "2025-10-07.prom")).frames.map(({ info }) => info);
  expect(before).toEqual([300_000, 300_000, undefined, undefined, 60_000]);
  expect(after).toEqual([...Array(2).fill({ app: "k1", intervalMs: 60_000, startedMs: START }), undefined]);
});

test("a file that was removed gets the info again", async (context) => {
  const dir = await directory(context);
  const { writer: journal } = writer(dir);
  for (let i = 0; i < 3; i++) await journal.write({ kind: "full", families: views(i) });
  await rm(join(dir, "2025-10-06.prom"));
  await journal.write({ kind: "full", families: views(3) });
  expect((await scan(dir)).frames.map(({ info }) => info?.app)).toEqual(["k1"]);
});

test("writers of several sessions share a file and lose nothing", async (context) => {
  const dir = await directory(context);
  const sessions = ["00000001", "00000002", "00000003"];
  await Promise.all(
    sessions.map(async (session) => {
      const { writer: journal } = writer(dir, { session });
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => journal.write({ kind: "full", families: views(i) })),
      );
    }),
  );
  const index = await openJournal(dir).index();
  expect(index.damage).toEqual([]);
  expect(index.frames).toHaveLength(60);
});

for (const { name, fs, type } of [
  { name: "may not be written by this user", fs: denied("EACCES"), type: 0xef53 },
  { name: "belongs to somebody else", fs: denied("EPERM"), type: 0xef53 },
  { name: "is a folder", fs: denied("EISDIR"), type: 0xef53 },
  { name: "lies on a network file system", fs: SHARED, type: 0x6969 },
  { name: "lies on a file system that nobody knows", fs: SHARED, type: 0 },
]) {
  test(`a session has a file of its own where the day file ${name}`, async (context) => {
    const dir = await directory(context);
    const own = { ...fs, fileSystemType: async () => type, fileSystemTypeSync: () => type };
    const { writer: journal } = writer(dir, { fs: own });
    const { file } = await journal.write({ kind: "start", families: [] });
    const last = journal.writeSync({ kind: "full", families: views(1), exit: true });
    expect([file, last.file]).toEqual(Array(2).fill("2025-10-06.3f9c2a17.prom"));
    expect(await readdir(dir)).toEqual([file]);
    expect((await openJournal(dir).index()).frames).toHaveLength(2);
  });
}

/** The day file itself can't be opened, but a session's own can. */
function denied(code: string): JournalFs {
  const check = (path: string) => {
    if (path.endsWith("2025-10-06.prom")) throw failing(code);
  };
  return {
    ...SHARED,
    openAppend: async (path) => {
      check(path);
      return SHARED.openAppend(path);
    },
    openAppendSync: (path) => {
      check(path);
      return SHARED.openAppendSync(path);
    },
  };
}

/** Appends as told, one instruction a write, then as usual: `short` writes half, a code fails. */
function faulty(instructions: string[]): JournalFs {
  const next = (bytes: Uint8Array): Uint8Array => {
    const instruction = instructions.shift();
    if (instruction === "short") return bytes.subarray(0, bytes.length >> 1);
    if (instruction !== undefined && instruction !== "ok") throw failing(instruction);
    return bytes;
  };
  return {
    ...SHARED,
    openAppend: async (path) => {
      const file = await SHARED.openAppend(path);
      return { ...file, append: async (bytes) => file.append(next(bytes)) };
    },
    openAppendSync: (path) => {
      const file = SHARED.openAppendSync(path);
      return { ...file, append: (bytes) => file.append(next(bytes)) };
    },
  };
}

test("a short write is abandoned and the frame written whole again under its number", async (context) => {
  const dir = await directory(context);
  const { writer: journal } = writer(dir, { fs: faulty(["ok", "short"]) });
  await journal.write({ kind: "start", families: [] });
  await journal.write({ kind: "full", families: views(1) });
  const index = await openJournal(dir).index();
  expect(index.frames.map(({ header }) => header.seq)).toEqual([0, 1]);
  expect(index.damage).toMatchObject([{ reason: "torn", session: "3f9c2a17", seq: 1, recovered: true }]);
});

for (const { code, error } of [
  { code: "ENOSPC", error: "ERR_JOURNAL_NO_SPACE" },
  { code: "EDQUOT", error: "ERR_JOURNAL_NO_SPACE" },
  { code: "EIO", error: "ERR_JOURNAL_IO" },
  { code: "EMFILE", error: "ERR_JOURNAL_IO" },
]) {
  test(`after ${code} the next write stands alone`, async (context) => {
    const dir = await directory(context);
    const { writer: journal } = writer(dir, { fs: faulty(["ok", code]) });
    await journal.write({ kind: "start", families: [] });
    await expect(journal.write({ kind: "full", families: views(1) })).rejects.toMatchObject({ code: error });
    await journal.write({ kind: "full", families: views(2) });
    const { frames, damage } = await openJournal(dir).index();
    expect(frames.map(({ header }) => header.seq)).toEqual([0, 2]);
    expect(damage).toEqual([]);
  });
}

test("a write that stays short fails and says so", async (context) => {
  const dir = await directory(context);
  const { writer: journal } = writer(dir, { fs: faulty(["short", "short", "short"]) });
  const write = journal.write({ kind: "full", families: views(1) });
  await expect(write).rejects.toThrow(
    /cannot append to .*2025-10-06\.prom: only \d+ of \d+ bytes were written/,
  );
});

test("a start frame that failed goes with the next write, so that counts still begin at zero", async (context) => {
  const dir = await directory(context);
  const { writer: journal, advance } = writer(dir, { fs: faulty(["ENOSPC"]) });
  await expect(journal.write({ kind: "start", families: [] })).rejects.toThrow("ENOSPC");
  advance(1000);
  await journal.write({ kind: "full", families: views(2) });
  const { frames } = await openJournal(dir).index();
  expect(frames.map(({ header }) => [header.kind, header.writtenMs])).toEqual([
    ["start", START],
    ["full", START + 1000],
  ]);
});

test("a frame still on its way goes with the last synchronous one and counts once", async (context) => {
  const dir = await directory(context);
  const { writer: journal } = writer(dir);
  const start = journal.write({ kind: "start", families: [] });
  journal.writeSync({ kind: "full", families: views(7), exit: true });
  expect((await scan(dir)).frames.map(({ header }) => header.seq)).toEqual([0, 1]);
  await start;
  expect((await scan(dir)).frames.map(({ header }) => header.seq)).toEqual([0, 1, 0]);
  const { frames, damage } = await openJournal(dir).index();
  expect(frames.map(({ header }) => header.seq)).toEqual([0, 1]);
  expect(damage).toEqual([]);
});

test("the bytes of a write under way stay as they are while the last frame is made", async (context) => {
  const dir = await directory(context);
  let lastOne = (): void => {};
  const fs: JournalFs = {
    ...SHARED,
    openAppend: async (path) => {
      const file = await SHARED.openAppend(path);
      return {
        ...file,
        // The disk takes them only now.
        append: async (bytes) => {
          lastOne();
          return file.append(bytes);
        },
      };
    },
  };
  const { writer: journal } = writer(dir, { fs });
  await journal.write({ kind: "start", families: [] });
  lastOne = () => void journal.writeSync({ kind: "full", families: views(7), exit: true });
  await journal.write({ kind: "full", families: views(6) });
  const { frames, damage } = await scan(dir);
  expect(frames.map(({ header }) => header.seq)).toEqual([0, 1, 2, 1]);
  expect(damage).toEqual([]);
});

test("a frame that went to a file being removed is written again", async (context) => {
  const dir = await directory(context);
  const moved: string[] = [];
  const fs: JournalFs = {
    ...SHARED,
    openAppend: async (path) => {
      const file = await SHARED.openAppend(path);
      if (moved.length > 0) return file;
      moved.push(join(dir, "aside"));
      await rename(path, moved[0]!);
      return file;
    },
  };
  await writer(dir, { fs }).writer.write({ kind: "full", families: views(1) });
  expect((await scan(dir)).frames).toHaveLength(1);
  expect((await scan(dir, "aside")).frames).toHaveLength(1);
});

for (const { name, movedMs } of [
  { name: "ahead", movedMs: 3_600_000 },
  { name: "back", movedMs: -3_600_000 },
]) {
  test(`a wall clock set ${name} ends the session and opens another, with nothing lost between`, async (context) => {
    const dir = await directory(context);
    const {
      writer: journal,
      clock,
      advance,
    } = writer(dir, { randomBytes: () => Buffer.from("cafecafe", "hex") });
    await journal.write({ kind: "start", families: [] });
    advance(300_000);
    clock.wallMs += movedMs;
    const result = await journal.write({ kind: "full", families: views(5) });
    const wallMs = START + 300_000 + movedMs;
    expect(result).toMatchObject({ session: "cafecafe", seq: 0, writtenMs: wallMs });
    expect(journal.session).toBe("cafecafe");
    const { frames } = await openJournal(dir).index();
    expect(
      frames.map(({ header: { session, seq, writtenMs, exit } }) => [session, seq, writtenMs, exit]).sort(),
    ).toEqual([
      ["3f9c2a17", 0, START, false],
      ["3f9c2a17", 1, START + 300_000, true],
      ["cafecafe", 0, wallMs, false],
    ]);
    expect(frames.find(({ header }) => header.session === "cafecafe")?.info.startedMs).toBe(wallMs);
  });
}

test("a wall clock 60 s off is borne", async (context) => {
  const dir = await directory(context);
  const { writer: journal, clock, advance } = writer(dir);
  await journal.write({ kind: "start", families: [] });
  advance(1000);
  clock.wallMs -= 60_000;
  expect(await journal.write({ kind: "full", families: views(1) })).toMatchObject({
    session: "3f9c2a17",
    writtenMs: START + 1000,
  });
});

test("a session that could not end goes on, and ends with the next write", async (context) => {
  const dir = await directory(context);
  const { writer: journal, clock } = writer(dir, { fs: faulty(["ok", "ENOSPC"]) });
  await journal.write({ kind: "start", families: [] });
  clock.wallMs += 3_600_000;
  await expect(journal.write({ kind: "full", families: views(1) })).rejects.toThrow("ENOSPC");
  expect(journal.session).toBe("3f9c2a17");
  await journal.write({ kind: "full", families: views(2) });
  const { frames } = await openJournal(dir).index();
  expect(frames.map(({ header: { session, seq, exit } }) => [session === "3f9c2a17", seq, exit])).toEqual([
    [true, 0, false],
    [true, 2, true],
    [false, 0, false],
  ]);
});

test("a time that the caller gives is the frame's, and times of a session ascend", async (context) => {
  const { writer: journal } = writer(await directory(context));
  const atMs = START - 5 * 86_400_000;
  const first = await journal.write({ kind: "start", families: [], atMs });
  const second = await journal.write({ kind: "full", families: views(1), atMs });
  expect([first.writtenMs, second.writtenMs, first.file]).toEqual([atMs, atMs + 1, "2025-10-01.prom"]);
});

test("a closed writer takes no more frames", async (context) => {
  const { writer: journal } = writer(await directory(context));
  const write = journal.write({ kind: "start", families: [] });
  await journal.close();
  await write;
  await expect(journal.write({ kind: "full", families: [] })).rejects.toMatchObject({
    code: "ERR_JOURNAL_CLOSED",
  });
});

test("a path that leads through a file is said in the error", async (context) => {
  const dir = await directory(context);
  await mkdir(join(dir, ".."), { recursive: true });
  await writeFile(dir, "");
  const write = writer(join(dir, "metrics")).writer.write({ kind: "start", families: [] });
  await expect(write).rejects.toThrow(`cannot make the directory ${join(dir, "metrics")}: ENOTDIR`);
});
