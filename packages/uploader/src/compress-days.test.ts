import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type JournalFs, nodeJournalFs, openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { readLedger } from "./index.ts";

const DAYS = ["2025-10-05.prom", "2025-10-06.prom"];
const PACKED = DAYS.map((name) => `${name}.gz`);

/** Two closed days of one session. */
async function twoDays(bed: TestBed): Promise<void> {
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 10 });
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 20 });
  bed.nowMs = NOON + 3 * DAY;
  for (const name of DAYS) await utimes(join(bed.dir, name), new Date(NOON), new Date(NOON));
}

async function dayFiles({ dir }: TestBed): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.includes(".prom")).sort();
}

test("days that are over are compressed with their summary, and are not sent again", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  const report = await bed.upload({ targets });
  expect(report.compressed).toEqual(PACKED);
  expect(await dayFiles(bed)).toEqual(PACKED);
  const { files } = await readLedger(bed.dir, nodeJournalFs);
  expect([...files.keys()]).toEqual(PACKED);
  expect(files.get(PACKED[0]!)?.get("store")).toMatchObject({ status: "success" });

  const sent = destination.samples.length;
  expect(await bed.upload({ targets })).toMatchObject({ compressed: [], damaged: 0 });
  expect(destination.samples.length).toBe(sent);
});

test("compressed days go to a destination that comes later, with the same samples", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  const first = createReceiver();
  const later = createReceiver({ name: "later" });
  await bed.upload({ targets: [{ destination: first, project: asItIs }] });
  await bed.upload({ targets: [{ destination: later, project: asItIs }] });
  expect(first.samples.length).toBeGreaterThan(2);
  expect(later.samples).toEqual(first.samples);
});

test("what was passed over in a day stays known when the day is compressed", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  const targets = [{ destination: createReceiver(), project: asItIs }];
  await bed.upload({ targets, from: "2025-10-06" });
  expect(await dayFiles(bed)).toEqual(PACKED);
  const report = await bed.upload({ targets, cleanup: {} });
  expect(report.kept[0]?.reason).toMatch(/^2 frames of 2025-10-05.prom.gz were passed over/);
});

test("a dry run compresses nothing", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  await bed.upload({ targets: [{ destination: createReceiver(), project: asItIs }], dryRun: true });
  expect(await dayFiles(bed)).toEqual(DAYS);
});

test("a day with damage stays as it is, and so does its summary", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  const path = join(bed.dir, DAYS[0]!);
  await writeFile(path, "\nstray\n", { flag: "a" });
  await utimes(path, new Date(NOON), new Date(NOON));
  const report = await bed.upload({ targets: [{ destination: createReceiver(), project: asItIs }] });
  expect(report.compressed).toEqual(PACKED.slice(1));
  expect(await dayFiles(bed)).toEqual([DAYS[0], PACKED[1]]);
  expect([...(await readLedger(bed.dir, nodeJournalFs)).files.keys()]).toEqual([DAYS[0], PACKED[1]]);
});

test("a disk without room leaves the days, and the upload as good as it was", async (context) => {
  const bed = await createTestBed(context);
  await twoDays(bed);
  const fs: JournalFs = {
    ...nodeJournalFs,
    openAppend: async (path) => ({ ...(await nodeJournalFs.openAppend(path)), append: async () => 1 }),
  };
  const journal = openJournal(bed.dir, { fs, now: () => bed.nowMs });
  const report = await bed.upload({ journal, targets: [{ destination: createReceiver(), project: asItIs }] });
  expect(report).toMatchObject({ compressed: [], verdict: 0 });
  expect((await dayFiles(bed)).filter((name) => !name.endsWith(".partial"))).toEqual(DAYS);
});
