import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { createSeriesDictionary, type MetricFamily } from "../series/index.ts";
import type { FrameHeader } from "./frame.ts";
import { openJournal } from "./journal.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter, type FrameToWrite } from "./journal-writer.ts";
import { scanFrames } from "./scan-frames.ts";

const START = Date.UTC(2025, 9, 6, 8);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

async function directory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-changes-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const { intern } = createSeriesDictionary();

/** A page by the values of its series: `{ "a{x=1}": 5 }`, the family being what stands before the brace. */
function page(values: Readonly<Record<string, number>>, help = "Help."): MetricFamily[] {
  const families = new Map<string, { series: MetricFamily["series"][number][]; values: number[] }>();
  for (const [text, value] of Object.entries(values)) {
    const [name = "", label] = text.split(/[{}]/);
    const family = families.get(name) ?? { series: [], values: [] };
    families.set(name, family);
    family.series.push(intern(name, label === undefined ? [] : [{ name: "x", value: label }]));
    family.values.push(value);
  }
  return [...families].map(([name, columns]) => ({
    name,
    type: "gauge",
    help,
    unit: "",
    ...columns,
    timestampsMs: columns.values.map(() => Number.NaN),
  }));
}

function shown(families: readonly MetricFamily[]): Record<string, number> {
  const rows = families.flatMap(({ series, values }) =>
    series.map(({ name, labels }, i): [string, number] => [
      labels[0] === undefined ? name : `${name}{${labels[0].value}}`,
      values[i]!,
    ]),
  );
  return Object.fromEntries(rows);
}

function session(dir: string, fs: JournalFs = nodeJournalFs) {
  const clock = { ms: START };
  const writer = createJournalWriter({
    dir,
    fs,
    session: "3f9c2a17",
    origin: "app",
    consent: "config",
    info: { intervalMs: 5 * MINUTE_MS },
    dayBoundary: "utc",
    platform: "linux",
    now: () => clock.ms,
    monotonicMs: () => clock.ms,
  });
  const write = (atMs: number, families: MetricFamily[], rest: Partial<FrameToWrite> = {}) => {
    clock.ms = atMs;
    return writer.write({ kind: "full", families, ...rest });
  };
  return { writer, write };
}

const HEADERS = (bytes: Uint8Array) => scanFrames(bytes).frames.map(({ header }) => header);
const told = ({ kind, base }: FrameHeader) => (base === undefined ? kind : `${kind} of ${base}`);

async function kinds(dir: string, file = "2025-10-06.prom"): Promise<string[]> {
  return HEADERS(await readFile(join(dir, file))).map(told);
}

async function contents(dir: string) {
  const journal = openJournal(dir, { now: () => START + 30 * 24 * HOUR_MS });
  const { frames, damage } = await journal.index();
  const read = [];
  for (const ref of frames) read.push(shown((await journal.read(ref)).families));
  return { read, damage, frames, journal };
}

test("a frame lists what has changed, an unchanged interval nothing, and readers see every series", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  await write(START, page({ "a{1}": 1, "a{2}": 2, b: 3 }));
  await write(START + 1, page({ "a{1}": 1, "a{2}": 5, b: 3 }));
  await write(START + 2, page({ "a{1}": 1, "a{2}": 5, b: 3 }));
  await write(START + 3, page({ "a{1}": 1, "a{2}": 5, "a{3}": 7, b: 3, c: Number.NaN }));
  await write(START + 4, page({ "a{1}": 1, "a{2}": 5, "a{3}": 8, b: 3, c: Number.NaN }));

  expect(await kinds(dir)).toEqual(["full", "changes of 0", "changes of 1", "changes of 2", "changes of 3"]);
  const { read, frames, journal } = await contents(dir);
  expect(frames.map(({ sampleCount }) => sampleCount)).toEqual([3, 1, 0, 2, 1]);
  expect(read).toEqual([
    { "a{1}": 1, "a{2}": 2, b: 3 },
    { "a{1}": 1, "a{2}": 5, b: 3 },
    { "a{1}": 1, "a{2}": 5, b: 3 },
    { "a{1}": 1, "a{2}": 5, "a{3}": 7, b: 3, c: Number.NaN },
    { "a{1}": 1, "a{2}": 5, "a{3}": 8, b: 3, c: Number.NaN },
  ]);
  const last = await journal.read(frames[4]!);
  expect(last.families.flatMap(({ timestampsMs }) => timestampsMs)).toEqual(new Array(5).fill(START + 4));
  expect(last.families[0]).toMatchObject({ name: "a", type: "gauge", help: "Help." });
});

for (const { name, before, after, rest, laterMs = 1 } of [
  { name: "a series is gone", before: { a: 1, b: 2, c: 3 }, after: { a: 1, b: 2 } },
  {
    name: "a series is gone from a family that stays",
    before: { "a{1}": 1, "a{2}": 2 },
    after: { "a{1}": 1 },
  },
  { name: "everything has changed", before: { a: 1, b: 2 }, after: { a: 2, b: 3 } },
  { name: "the session ends", before: { a: 1, b: 2 }, after: { a: 1, b: 2 }, rest: { exit: true } },
  { name: "six hours have passed", before: { a: 1, b: 2 }, after: { a: 1, b: 2 }, laterMs: 6 * HOUR_MS },
]) {
  test(`a frame is full when ${name}`, async (context) => {
    const dir = await directory(context);
    const { write } = session(dir);
    await write(START, page(before));
    await write(START + laterMs, page(after), rest);
    expect(await kinds(dir)).toEqual(["full", "full"]);
  });
}

test("six hours are counted from the last full frame, not from the last frame", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  for (let hour = 0; hour <= 7; hour++) await write(START + hour * HOUR_MS, page({ a: 1, b: 2 }));
  expect((await kinds(dir)).map((kind) => kind === "full")).toEqual([
    true,
    ...new Array(5).fill(false),
    true,
    false,
  ]);
});

test("a session's first frame in each file is full", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  await write(START, page({ a: 1, b: 2 }));
  const nextDay = Date.UTC(2025, 9, 7);
  await write(nextDay, page({ a: 1, b: 2 }));
  await write(nextDay + 1, page({ a: 1, b: 2 }));
  expect(await kinds(dir, "2025-10-07.prom")).toEqual(["full", "changes of 1"]);
});

test("a frame is full in a file that has been replaced", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  await write(START, page({ a: 1, b: 2 }));
  await rm(join(dir, "2025-10-06.prom"));
  await write(START + 1, page({ a: 1, b: 2 }));
  expect(await kinds(dir)).toEqual(["full"]);
});

test("the frame after a failed write is full", async (context) => {
  const dir = await directory(context);
  let isFull = false;
  const { write } = session(dir, {
    ...nodeJournalFs,
    openAppend: async (path) => {
      if (isFull) throw Object.assign(new Error("ENOSPC: as the test wants it"), { code: "ENOSPC" });
      return nodeJournalFs.openAppend(path);
    },
  });
  await write(START, page({ a: 1, b: 2 }));
  isFull = true;
  await expect(write(START + 1, page({ a: 9, b: 2 }))).rejects.toThrow("ENOSPC");
  isFull = false;
  await write(START + 2, page({ a: 9, b: 2 }));
  await write(START + 3, page({ a: 9, b: 2 }));
  expect(await kinds(dir)).toEqual(["full", "full", "changes of 2"]);
});

test("other metadata makes a full frame", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  await write(START, page({ a: 1, b: 2 }, "Before."));
  await write(START + 1, page({ a: 1, b: 2 }, "After."));
  expect(await kinds(dir)).toEqual(["full", "full"]);
});

test("a series with a time of its own is always listed", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  const timed = (): MetricFamily[] =>
    page({ a: 1, b: 2 }).map((family) =>
      family.name === "a" ? { ...family, timestampsMs: [START - 5] } : family,
    );
  await write(START, timed());
  await write(START + 1, timed());
  const { frames, journal } = await contents(dir);
  expect(frames[1]).toMatchObject({ header: { kind: "changes" }, sampleCount: 1 });
  const { families } = await journal.read(frames[1]!);
  expect(families.map(({ timestampsMs }) => timestampsMs)).toEqual([[START - 5], [START + 1]]);
});

test("a series at several times is never carried forward", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  const twice = (): MetricFamily[] => {
    const [a, b] = page({ a: 1, b: 2 });
    const series = [a!.series[0]!, a!.series[0]!];
    return [{ ...a!, series, values: [1, 2], timestampsMs: [START - 5, START - 4] }, b!];
  };
  await write(START, twice());
  await write(START + 1, twice());
  expect(await kinds(dir)).toEqual(["full", "full"]);
  const { frames, journal } = await contents(dir);
  const { families } = await journal.read(frames[1]!);
  expect(families[0]).toMatchObject({ values: [1, 2], timestampsMs: [START - 5, START - 4] });
});

test("across a missing frame nothing is carried forward until the next full one", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  await write(START, page({ a: 1, b: 1, c: 1 }));
  await write(START + 1, page({ a: 2, b: 1, c: 1 }));
  await write(START + 2, page({ a: 2, b: 2, c: 1 }));
  await write(START + 3, page({ a: 2, b: 2, c: 2 }));
  await write(START + 4, page({ a: 2, b: 2, c: 3 }), { exit: true });
  const path = join(dir, "2025-10-06.prom");
  await writeFile(path, (await readFile(path, "utf8")).replace("\na 2 ", "\na 7 "));

  const { read, damage } = await contents(dir);
  expect(damage).toMatchObject([{ reason: "checksum", seq: 1 }]);
  expect(read).toEqual([{ a: 1, b: 1, c: 1 }, { b: 2 }, { b: 2, c: 2 }, { a: 2, b: 2, c: 3 }]);
  const { frames, journal } = await contents(dir);
  const isPartial = [];
  for (const ref of frames) isPartial.push((await journal.read(ref)).partial ?? false);
  expect(isPartial).toEqual([false, true, true, false]);
});

test("frames are read the same in any order", async (context) => {
  const dir = await directory(context);
  const { write } = session(dir);
  for (let i = 0; i < 6; i++) await write(START + i, page({ a: i, b: Math.floor(i / 3), c: 1 }));
  const { frames, journal, read } = await contents(dir);
  for (const i of [5, 0, 3, 3, 1, 4, 2]) {
    expect(shown((await journal.read(frames[i]!)).families)).toEqual(read[i]);
  }
});

test("what a reader sees is what the writer was given, whatever changes", async (context) => {
  const value = fc.oneof(fc.constantFrom(0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY), fc.double());
  const names = ["a{1}", "a{2}", "a{3}", "b", "c{1}", "d"];
  const frame = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 });
  // Mostly small steps, so that most frames are changes.
  const steps = fc.array(fc.oneof({ weight: 4, arbitrary: frame.map((f) => ({ patch: f })) }, frame), {
    minLength: 2,
    maxLength: 10,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const dir = await mkdtemp(join(tmpdir(), "promferry-changes-"));
      context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
      const { write } = session(dir);
      let now: Record<string, number> = {};
      const given: Record<string, number>[] = [];
      for (const [i, step] of script.entries()) {
        now = "patch" in step ? { ...now, ...(step.patch as Record<string, number>) } : { ...step };
        given.push(now);
        await write(START + i, page(now));
      }
      expect((await contents(dir)).read).toEqual(given);
    }),
    { numRuns: 60 },
  );
});
