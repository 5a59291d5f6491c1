import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { foreseeDeletions, nodeUploadFs, readLedger, type UploadCleanup } from "./index.ts";

const HOUR = 3_600_000;

/** Three days of one session, the last of which is not over. */
async function threeDays(bed: TestBed): Promise<void> {
  await bed.write("aaaaaaaa", NOON - 2 * DAY, "start");
  for (const [i, day] of [-2, -1, 0].entries()) {
    await bed.write("aaaaaaaa", NOON + day * DAY + MINUTE, { a_total: 10 * (i + 1) });
  }
  bed.nowMs = NOON + HOUR;
  await touch(bed);
}

async function touch({ dir }: TestBed): Promise<void> {
  for (const name of await readdir(dir)) {
    if (name.includes(".prom")) await utimes(join(dir, name), new Date(NOON), new Date(NOON));
  }
}

const midnight = (day: string) => Date.parse(`${day}T24:00:00Z`);

for (const { name, cleanup, has, first } of [
  {
    name: "settled days once they are old enough",
    cleanup: { olderThanDays: 7 },
    has: true,
    first: { day: "2025-10-04", cause: "settled", fromMs: midnight("2025-10-11"), lost: [] },
  },
  {
    name: "settled days once they are over, if they may",
    cleanup: {},
    has: true,
    // The first day is over already.
    first: { day: "2025-10-04", cause: "settled", fromMs: NOON + HOUR, lost: [] },
  },
  {
    name: "days that a destination lacks once they are too old",
    cleanup: { olderThanDays: 7, unsettledOlderThanDays: 9 },
    has: false,
    first: {
      day: "2025-10-04",
      cause: "age",
      fromMs: midnight("2025-10-13"),
      lost: [{ destination: "other", frames: 2 }],
    },
  },
  {
    name: "days that a destination lacks for want of room",
    cleanup: { olderThanDays: 7, maxBytes: 10 },
    has: false,
    first: {
      day: "2025-10-04",
      cause: "size",
      fromMs: NOON + HOUR,
      lost: [{ destination: "other", frames: 2 }],
    },
  },
  {
    name: "nothing while a destination lacks it",
    cleanup: { olderThanDays: 7 },
    has: false,
    first: undefined,
  },
] as const) {
  test(`an upload deletes ${name}, when it was foreseen and not before`, async (context) => {
    const bed = await createTestBed(context);
    await threeDays(bed);
    const own = { destination: createReceiver(), project: asItIs };
    const other = { destination: createReceiver({ name: "other" }), project: asItIs };
    await bed.upload({ targets: has ? [own, other] : [own], otherDestinations: has ? [] : [other] });
    await touch(bed);
    const foresee = async () =>
      foreseeDeletions({
        dir: bed.dir,
        fs: nodeUploadFs,
        index: await openJournal(bed.dir, { now: () => bed.nowMs }).index(),
        ledger: await readLedger(bed.dir, nodeUploadFs),
        targets: [own, other],
        mayLeave: () => true,
        cleanup: cleanup as UploadCleanup,
        now: bed.nowMs,
      });
    const { deletions, unsettled } = await foresee();
    expect(deletions[0]).toEqual(first);
    expect(unsettled).toEqual(
      has
        ? []
        : [
            { day: "2025-10-04", lacking: [{ destination: "other", frames: 2 }] },
            { day: "2025-10-05", lacking: [{ destination: "other", frames: 1 }] },
            { day: "2025-10-06", lacking: [{ destination: "other", frames: 1 }] },
          ],
    );
    const uploadAt = async (atMs: number) => {
      bed.nowMs = atMs;
      const report = await bed.upload({
        targets: [own],
        otherDestinations: [other],
        cleanup: cleanup as UploadCleanup,
      });
      await touch(bed);
      return report.deleted.map(({ day, cause, lost }) => ({ day, cause, lost }));
    };
    for (const { day, fromMs } of deletions) {
      if (fromMs > bed.nowMs) expect(await uploadAt(fromMs - 1)).toEqual([]);
      const now = deletions.filter((each) => each.fromMs === fromMs);
      const gone = await uploadAt(fromMs);
      if (gone.length > 0) expect(gone).toEqual(now.map(({ fromMs: _, ...each }) => each));
      expect((await readdir(bed.dir)).filter((file) => file.startsWith(day))).toEqual([]);
    }
    if (first === undefined) expect(await uploadAt(NOON + 400 * DAY)).toEqual([]);
  });
}
