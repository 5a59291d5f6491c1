import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, type TestContext, test } from "vitest";
import { createSeriesDictionary, type MetricFamily } from "../series/index.ts";
import { compressDay } from "./compress-day.ts";
import { type Journal, openJournal } from "./journal.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { createJournalWriter } from "./journal-writer.ts";
import { packFrame } from "./packed-frames.ts";
import { removeDay } from "./remove-day.ts";

const START = Date.UTC(2025, 9, 6, 8);
/** Later than the files of the test are made. */
const CLOSED = Date.UTC(2100, 0);
const DAY = "2025-10-06.prom";
const { intern } = createSeriesDictionary();

function page(views: number): MetricFamily[] {
  return ["views_total", "idle"].map((name, i) => ({
    name,
    type: "gauge",
    help: `Help of ${name}.`,
    unit: "",
    series: ["pods", "nodes"].map((value) => intern(name, [{ name: "screen", value }])),
    values: i === 0 ? [views, views / 3] : [1, 2],
    timestampsMs: [Number.NaN, Number.NaN],
  }));
}

/** A closed day with a frame of every kind. */
async function day({ onTestFinished }: Pick<TestContext, "onTestFinished">, session = "3f9c2a17") {
  const dir = await mkdtemp(join(tmpdir(), "promferry-compress-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await append(dir, session);
  const journal = openJournal(dir, { now: () => CLOSED });
  return { dir, journal, before: await contents(journal) };
}

async function append(dir: string, session: string): Promise<void> {
  let now = START;
  const writer = createJournalWriter({
    dir,
    session,
    origin: "app",
    consent: "config",
    info: { app: "k1", version: "1.2.0", intervalMs: 300_000 },
    dayBoundary: "utc",
    platform: "linux",
    now: () => now,
    monotonicMs: () => now,
  });
  await writer.write({ kind: "start", families: [] });
  for (const views of [1, 2, 2, 5]) {
    now += 300_000;
    await writer.write({ kind: "full", families: page(views) });
  }
  now += 1;
  await writer.write({ kind: "full", families: page(6), exit: true });
}

/** Each frame's words and samples, by session and number. */
async function contents(journal: Journal): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const ref of (await journal.index()).frames) {
    const { header, info, families } = await journal.read(ref);
    const text = (_: string, value: unknown) => (typeof value === "number" ? String(value) : value);
    found.set(`${header.session} ${header.seq}`, JSON.stringify({ header, info, families }, text));
  }
  return found;
}

async function fileOf(journal: Journal, name: string) {
  const file = (await journal.index()).files.find((each) => each.name === name);
  if (file === undefined) throw new Error(`there is no ${name}`);
  return file;
}

async function compressed(context: Pick<TestContext, "onTestFinished">) {
  const made = await day(context);
  expect(await compressDay(made.journal, await fileOf(made.journal, DAY))).toBe("compressed");
  return made;
}

test("a compressed day reads as before, is closed, and belongs to its owner alone", async (context) => {
  const { dir, journal, before } = await compressed(context);
  expect(await readdir(dir)).toEqual([`${DAY}.gz`]);
  expect(before.size).toBe(6);
  expect(await contents(journal)).toEqual(before);
  expect(await fileOf(journal, `${DAY}.gz`)).toMatchObject({
    day: "2025-10-06",
    closed: true,
    frameCount: 6,
  });
  expect(((await stat(join(dir, `${DAY}.gz`))).mode & 0o777).toString(8)).toBe("600");
});

test("zcat gives the day file back, byte for byte", async (context) => {
  const { dir, journal } = await day(context);
  const original = await readFile(join(dir, DAY));
  await compressDay(journal, await fileOf(journal, DAY));
  expect(gunzipSync(await readFile(join(dir, `${DAY}.gz`))).equals(original)).toBe(true);
});

test("each flipped byte of a compressed day costs at most one frame, is reported, and changes no sample", {
  timeout: 60_000,
}, async (context) => {
  const { dir, journal, before } = await compressed(context);
  const path = join(dir, `${DAY}.gz`);
  const whole = await readFile(path);
  for (let i = 0; i < whole.length; i++) {
    const bytes = Buffer.from(whole);
    bytes[i]! ^= 1 << (i % 8);
    await writeFile(path, bytes);
    const { frames, damage, unsupported } = await journal.index();
    const lost = before.size - frames.length;
    if (lost > 1 || (lost === 1 && damage.length + unsupported.length === 0)) {
      expect.fail(`byte ${i}: ${lost} frames lost, ${damage.length} damaged`);
    }
    // A frame of which a base is lost shows less, never something else.
    for (const ref of frames) {
      const { header, families } = await journal.read(ref);
      const frame: { families: { series: MetricFamily["series"]; values: string[] }[] } = JSON.parse(
        before.get(`${header.session} ${header.seq}`)!,
      );
      const known = new Map(
        frame.families.flatMap(({ series, values }) => series.map((each, k) => [key(each), values[k]])),
      );
      for (const { series, values } of families) {
        series.forEach((each, k) => {
          if (String(values[k]) !== known.get(key(each))) expect.fail(`byte ${i}: another sample`);
        });
      }
    }
  }
});

function key({ name, labels }: { name: string; labels: readonly { value: string }[] }): string {
  return `${name} ${labels.map(({ value }) => value).join()}`;
}

test("a compressed day that is cut costs the frames behind the cut", { timeout: 60_000 }, async (context) => {
  const { dir, journal, before } = await compressed(context);
  const path = join(dir, `${DAY}.gz`);
  const whole = await readFile(path);
  const ends = (await journal.index()).frames.map(
    ({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes,
  );
  expect(ends.at(-1)).toBe(whole.length);
  for (let length = whole.length - 1; length > 0; length--) {
    await writeFile(path, whole.subarray(0, length));
    const { frames, damage, files } = await journal.index();
    // The trailer of a member holds nothing that is needed.
    const complete = ends.filter((end) => end - 8 <= length).length;
    expect(frames.length).toBe(complete);
    if (!ends.includes(length) && complete < before.size) {
      const isSaid =
        damage.length > 0 || files[0]?.error !== undefined || ends.some((end) => Math.abs(end - length) < 9);
      expect(isSaid, `cut at ${length}`).toBe(true);
    }
  }
});

test("a day that got another frame meanwhile is kept beside the compressed one, and no frame counts twice", async (context) => {
  const { dir, journal, before } = await day(context);
  const file = await fileOf(journal, DAY);
  const fs: JournalFs = {
    ...nodeJournalFs,
    rename: async (from, to) => {
      if (to.endsWith(".gz")) await append(dir, "aaaaaaaa");
      await nodeJournalFs.rename(from, to);
    },
  };
  await compressDay(openJournal(dir, { fs, now: () => CLOSED }), file);
  const names = await readdir(dir);
  expect(names.length).toBe(2);
  expect((await contents(journal)).size).toBe(2 * before.size);
});

test("a process that dies between the two files has the rest done by the next one", async (context) => {
  const { dir, journal, before } = await day(context);
  const fs: JournalFs = {
    ...nodeJournalFs,
    rename: async (from, to) => {
      if (!to.endsWith(".gz")) throw Object.assign(new Error("EIO: dead"), { code: "EIO" });
      await nodeJournalFs.rename(from, to);
    },
  };
  await expect(
    compressDay(openJournal(dir, { fs, now: () => CLOSED }), await fileOf(journal, DAY)),
  ).rejects.toThrow("EIO");
  expect(await readdir(dir)).toEqual([DAY, `${DAY}.gz`]);
  expect(await contents(journal)).toEqual(before);

  expect(await compressDay(journal, await fileOf(journal, DAY))).toBe("compressed");
  expect(await readdir(dir)).toEqual([`${DAY}.gz`]);
  expect(await contents(journal)).toEqual(before);
});

test("what an earlier attempt left half-written is begun anew", async (context) => {
  const { dir, journal, before } = await day(context);
  await writeFile(join(dir, `${DAY}.gz.partial`), "half");
  await compressDay(journal, await fileOf(journal, DAY));
  expect(await readdir(dir)).toEqual([`${DAY}.gz`]);
  expect(await contents(journal)).toEqual(before);
});

test("a full disk leaves the day as it was", async (context) => {
  const { dir, journal, before } = await day(context);
  const fs: JournalFs = {
    ...nodeJournalFs,
    openAppend: async (path) => ({ ...(await nodeJournalFs.openAppend(path)), append: async () => 3 }),
  };
  const compressing = compressDay(openJournal(dir, { fs, now: () => CLOSED }), await fileOf(journal, DAY));
  await expect(compressing).rejects.toThrow(
    /cannot compress .*: only 3 of \d+ bytes were written; free some space/,
  );
  expect(await contents(journal)).toEqual(before);
});

for (const { name, make } of [
  { name: "damage", make: (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("garbage\n")]) },
  {
    name: "a frame of a later version",
    make: (bytes: Buffer) => Buffer.from(bytes.toString("latin1").replaceAll(" v=1 ", " v=3 "), "latin1"),
  },
]) {
  test(`a day with ${name} is kept as it is`, async (context) => {
    const { dir, journal } = await day(context);
    await writeFile(join(dir, DAY), make(await readFile(join(dir, DAY))));
    expect(await compressDay(journal, await fileOf(journal, DAY))).toBe("kept");
    expect(await readdir(dir)).toEqual([DAY]);
  });
}

test("an open day is kept as it is", async (context) => {
  const { dir } = await day(context);
  const journal = openJournal(dir, { now: () => START + 3_600_000 });
  expect(await compressDay(journal, await fileOf(journal, DAY))).toBe("kept");
  expect(await readdir(dir)).toEqual([DAY]);
});

test("a compressed day is removed like another", async (context) => {
  const { dir, journal } = await compressed(context);
  expect(await removeDay(journal, await fileOf(journal, `${DAY}.gz`))).toBe("removed");
  expect(await readdir(dir)).toEqual([]);
});

test("a day that another program compressed is said and stays", async (context) => {
  const { dir, journal } = await day(context);
  await writeFile(join(dir, `${DAY}.gz`), gzipSync(await readFile(join(dir, DAY))));
  await rm(join(dir, DAY));
  const { files, frames, damage } = await journal.index();
  expect(files[0]?.error?.message).toMatch(/compressed by another program; `gunzip` it/);
  expect({ frames, damage }).toEqual({ frames: [], damage: [] });
});

test("a damaged member that holds more than its frame is read as its frame", async (context) => {
  const { dir, before } = await day(context);
  const text = await readFile(join(dir, DAY), "utf8");
  const first = text.slice(0, text.indexOf("\n", text.indexOf("# End: ")) + 1);
  await rm(join(dir, DAY));
  await writeFile(join(dir, `${DAY}.gz`), await packFrame(Buffer.from(`${first}\nviews_total{ no number\n`)));
  const journal = openJournal(dir, { now: () => CLOSED });

  expect([...(await contents(journal))]).toEqual([...before].slice(0, 1));
});
