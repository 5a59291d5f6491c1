import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";

/** Three days of one session, and now a time at which all are closed. */
async function threeDays(bed: TestBed): Promise<void> {
  await bed.write("aaaaaaaa", NOON - 2 * DAY, "start");
  for (const [i, day] of [-2, -1, 0].entries()) {
    await bed.write("aaaaaaaa", NOON + day * DAY + MINUTE, { a_total: 10 * (i + 1) });
  }
  bed.nowMs = NOON + 3 * DAY;
  for (const file of await dayFiles(bed)) await utimes(join(bed.dir, file), new Date(NOON), new Date(NOON));
}

async function dayFiles({ dir }: TestBed): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith(".prom")).sort();
}

const days = ["2025-10-04.prom", "2025-10-05.prom", "2025-10-06.prom"];

test("closed days that every destination has are deleted, and the totals go on from there", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  const report = await bed.upload({ targets, cleanup: {} });
  expect(report.deleted.map(({ day }) => day)).toEqual(["2025-10-04", "2025-10-05", "2025-10-06"]);
  expect(await dayFiles(bed)).toEqual([]);
  expect(JSON.parse(await readFile(join(bed.dir, ".uploaded"), "utf8"))).not.toHaveProperty(
    "2025-10-04.prom",
  );

  await bed.write("aaaaaaaa", NOON + 4 * DAY, { a_total: 31 });
  await bed.write("bbbbbbbb", NOON + 4 * DAY, "start");
  await bed.write("bbbbbbbb", NOON + 4 * DAY + MINUTE, { a_total: 5 });
  await bed.upload({ targets });
  expect(destination.samples.slice(4)).toEqual([`a_total 31@${4 * DAY}`, `a_total 36@${4 * DAY + MINUTE}`]);
});

for (const { name, left, kept, options } of [
  { name: "days that are young enough stay", left: days.slice(1), kept: [], options: { olderThanDays: 4 } },
  {
    name: "days that a destination of another upload lacks stay",
    left: days,
    kept: ["other does not have 2 frames of 2025-10-04.prom", "an older day, 2025-10-04, stays"],
    options: { other: createReceiver({ name: "other" }) },
  },
  {
    name: "days that only a destination without history lacks go",
    left: [],
    kept: [],
    options: { other: createReceiver({ name: "gateway", keepsHistory: false }) },
  },
  {
    name: "days that were passed over stay until they are sent",
    left: days,
    kept: ["2 frames of 2025-10-04.prom were passed over for store; --force --from 2025-10-04 sends them"],
    options: { from: "2025-10-05" },
  },
]) {
  test(name, async (context) => {
    const bed = await createTestBed(context);
    await threeDays(bed);
    const { olderThanDays, other, from } = options as {
      olderThanDays?: number;
      other?: ReturnType<typeof createReceiver>;
      from?: string;
    };
    const report = await bed.upload({
      targets: [{ destination: createReceiver(), project: asItIs }],
      cleanup: olderThanDays === undefined ? {} : { olderThanDays },
      ...(other && { otherDestinations: [{ destination: other, project: asItIs }] }),
      ...(from !== undefined && { from }),
    });
    expect(await dayFiles(bed)).toEqual(left);
    expect(report.kept.slice(0, kept.length).map(({ reason }) => reason)).toEqual(kept);
    expect(report.kept.length > 0).toBe(kept.length > 0);
  });
}

test("a state settles a day where nobody keeps history, and the report says that history was dropped", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver({ keepsHistory: false });
  const report = await bed.upload({ targets: [{ destination, project: asItIs }], cleanup: {} });
  expect(destination.samples).toEqual([`a_total 30@${MINUTE}`]);
  expect(report).toMatchObject({ historyDropped: true, deleted: [{}, {}, {}] });
});

test("nothing is deleted that did not arrive", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const destination = createReceiver({
    answer: (n) =>
      n < 3 ? "take" : { error: new DeliveryError("ERR_DELIVERY_UNREACHABLE", "gone", { inDoubt: true }) },
  });
  const targets = [{ destination, project: asItIs }];
  const report = await bed.upload({ targets, cleanup: {}, timeoutMs: 0 });
  expect(report.verdict).toBe(3);
  expect(await dayFiles(bed)).toEqual(days.slice(2));
});

test("damage is kept in quarantine when its day goes", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  const path = join(bed.dir, "2025-10-05.prom");
  await writeFile(path, `${await readFile(path, "utf8")}\n# Written: torn`);
  await utimes(path, new Date(NOON), new Date(NOON));
  const targets = [{ destination: createReceiver(), project: asItIs }];
  const report = await bed.upload({ targets, cleanup: {} });
  expect(report).toMatchObject({ damaged: 1, kept: [], deleted: [{}, {}, {}] });
  const index = JSON.parse(await readFile(join(bed.dir, "quarantine", "index.jsonl"), "utf8"));
  expect(index).toMatchObject({ reason: "torn", file: "2025-10-05.prom" });
  expect(await readFile(join(bed.dir, "quarantine", index.copy), "utf8")).toContain("# Written: torn");
});

test("a dry run deletes nothing", async (context) => {
  const bed = await createTestBed(context);
  await threeDays(bed);
  await bed.upload({
    targets: [{ destination: createReceiver(), project: asItIs }],
    cleanup: {},
    dryRun: true,
  });
  expect(await readdir(bed.dir)).toEqual(days);
});
