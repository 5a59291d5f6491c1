import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { type MaintenanceOptions, maintainJournal } from "./index.ts";
import { acquireLock } from "./lock.ts";
import { nodeUploadFs } from "./upload-fs.ts";

const dayFiles = async (bed: TestBed) => (await readdir(bed.dir)).filter((name) => name.includes(".prom"));

/** Three days, the last of which is not over. */
async function threeDays(bed: TestBed): Promise<void> {
  await bed.write("aaaaaaaa", NOON, "start");
  for (let day = 0; day < 3; day++)
    await bed.write("aaaaaaaa", NOON + day * DAY + MINUTE, { a_total: 10 + day });
  for (const name of await dayFiles(bed)) await utimes(join(bed.dir, name), new Date(NOON), new Date(NOON));
}

const maintain = (bed: TestBed, options: Partial<MaintenanceOptions>) =>
  maintainJournal({ journal: bed.journal, now: () => bed.nowMs, cleanup: {}, ...options });

test("days that are over are compressed, and none goes that a destination lacks", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver();
  const report = await maintain(bed, { destinations: [{ destination, project: asItIs }] });
  expect(report).toMatchObject({
    deleted: [],
    compressed: ["2025-10-06.prom.gz"],
    kept: [{ day: "2025-10-06", reason: "store does not have 2 frames of 2025-10-06.prom" }],
  });
  expect(destination.bodies).toEqual([]);
});

test("settled days go, and the totals go on from them", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver();
  const destinations = [{ destination, project: asItIs }];
  await bed.upload({ targets: destinations });
  expect((await maintain(bed, { destinations }))?.deleted).toMatchObject([
    { day: "2025-10-06", cause: "settled" },
  ]);
  await bed.write("aaaaaaaa", NOON + 2 * DAY + 2 * MINUTE, { a_total: 15 });
  await bed.upload({ targets: destinations });
  expect(destination.samples.at(-1)).toBe(`a_total 15@${2 * DAY + 2 * MINUTE}`);
});

test("without a destination days go by age and size alone", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  expect((await maintain(bed, { cleanup: { maxBytes: 1 } }))?.deleted).toMatchObject([
    { day: "2025-10-06", cause: "size", lost: [] },
  ]);
  expect(await dayFiles(bed)).toEqual(["2025-10-07.prom", "2025-10-08.prom"]);
});

test("while another process is at work, and where there is no folder, nothing is done", async (context) => {
  const bed = await createTestBed(context);
  const { dir } = bed;
  await threeDays(bed);
  const lock = await acquireLock({ dir, fs: nodeUploadFs, now: () => bed.nowMs, sleep: async () => {} });
  expect(await maintain(bed, {})).toBeUndefined();
  await lock.release();
  expect(await maintain(bed, {})).toBeDefined();
  const journal = { ...bed.journal, dir: join(dir, "nowhere") };
  expect(await maintain(bed, { journal })).toBeUndefined();
  expect(await readdir(dir)).not.toContain("nowhere");
});
