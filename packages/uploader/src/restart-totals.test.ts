import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DeliveryError } from "@promferry/core/delivery";
import { expect, type TestContext, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { nodeUploadFs, type UploadFs } from "./upload-fs.ts";

const cleanup = {};
const at = (day: number, minutes: number) => day * DAY + minutes * MINUTE;

/** A day that was sent and deleted, and one that was sent and is there; then the session goes on. */
async function twoDays(context: Pick<TestContext, "onTestFinished">) {
  const bed = await createTestBed(context);
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 100 });
  await utimes(join(bed.dir, "2025-10-06.prom"), new Date(NOON), new Date(NOON));
  await bed.write("aaaaaaaa", NOON + at(3, 0), { a_total: 110 });
  await bed.write("aaaaaaaa", NOON + at(3, 1), { a_total: 120 });
  const { deleted } = await bed.upload({ targets, cleanup });
  expect(deleted).toHaveLength(1);
  expect(destination.samples.at(-1)).toBe(`a_total 120@${at(3, 1)}`);
  destination.samples.length = 0;
  await bed.write("aaaaaaaa", NOON + at(3, 2), { a_total: 127 });
  return { bed, destination, targets };
}

const totalsOf = (bed: TestBed) => readFile(join(bed.dir, ".totals"), "utf8");

interface LossCase {
  readonly name: string;
  readonly damage: (path: string) => Promise<void>;
  readonly why: string;
  readonly leaves?: string;
}

const lost = ".totals has no totals of days that were deleted after store had them";
const broken = ".totals is damaged, and with it the totals of days that were deleted after store had them";
const edited = (edit: (text: string) => string) => async (path: string) => {
  const text = await readFile(path, "utf8");
  expect(edit(text)).not.toBe(text);
  await writeFile(path, edit(text));
};

const cases: LossCase[] = [
  { name: "missing", damage: (path) => rm(path), why: lost },
  { name: "empty", damage: edited(() => ""), why: broken, leaves: ".totals.damaged" },
  { name: "cut", damage: edited((text) => text.slice(0, -20)), why: broken, leaves: ".totals.damaged" },
  {
    name: "changed in one digit",
    damage: edited((text) => text.replace('"last":100', '"last":900')),
    why: broken,
    leaves: ".totals.damaged",
  },
  {
    name: "JSON of another form",
    damage: edited((text) => text.replace('"through"', '"though"')),
    why: broken,
    leaves: ".totals.damaged",
  },
];

for (const { name, damage, why, leaves } of cases) {
  test(`where .totals is ${name}, counters begin at an explicit 0, once, and the report says so`, async (context) => {
    const { bed, destination, targets } = await twoDays(context);
    await damage(join(bed.dir, ".totals"));

    const { destinations, verdict } = await bed.upload({ targets });
    expect(verdict).toBe(0);
    expect(destinations[0]?.notes).toEqual([
      `${why}: its counters start again from 0, with what the journal still holds.`,
    ]);
    expect(destination.samples).toEqual([`a_total 0@${at(3, 1) + 1}`, `a_total 7@${at(3, 2)}`]);
    expect((await readdir(bed.dir)).filter((file) => file === ".totals.damaged")).toEqual(
      leaves ? [leaves] : [],
    );

    await bed.write("aaaaaaaa", NOON + at(3, 3), { a_total: 130 });
    await bed.write("bbbbbbbb", NOON + at(3, 4), "start");
    await bed.write("bbbbbbbb", NOON + at(3, 5), { a_total: 2 });
    const next = await bed.upload({ targets, cleanup });
    expect(next.destinations[0]?.notes).toEqual([]);
    expect(destination.samples.slice(2)).toEqual([`a_total 10@${at(3, 3)}`, `a_total 12@${at(3, 5)}`]);

    // The new totals outlive their days as the old ones would have.
    await utimes(join(bed.dir, "2025-10-09.prom"), new Date(NOON), new Date(NOON));
    await bed.write("bbbbbbbb", NOON + at(6, 0), { a_total: 3 });
    expect((await bed.upload({ targets, cleanup })).deleted).toHaveLength(1);
    await bed.write("bbbbbbbb", NOON + at(6, 1), { a_total: 4 });
    await bed.upload({ targets, cleanup });
    expect(destination.samples.slice(4)).toEqual([`a_total 13@${at(6, 0)}`, `a_total 14@${at(6, 1)}`]);
  });
}

test("a process that dies right after the totals began anew does not let them begin twice", async (context) => {
  const { bed, destination, targets } = await twoDays(context);
  await rm(join(bed.dir, ".totals"));
  // Of the changes of names only that of the new totals is made.
  const dying: UploadFs = {
    ...nodeUploadFs,
    async rename(from, to) {
      if (!to.endsWith(".totals")) throw Object.assign(new Error("the machine is off"), { code: "EIO" });
      await nodeUploadFs.rename(from, to);
    },
  };
  const dead = await bed.upload({ targets, fs: dying });
  expect(dead.destinations[0]?.failure?.message).toContain("the machine is off");
  expect(destination.samples).toEqual([]);
  const begun = await totalsOf(bed);

  const { destinations } = await bed.upload({ targets });
  expect(destinations[0]?.notes).toEqual([]);
  expect(await totalsOf(bed)).toBe(begun);
  expect(destination.samples).toEqual([`a_total 0@${at(3, 1) + 1}`, `a_total 7@${at(3, 2)}`]);
});

test("a dry run says what would be sent and begins nothing", async (context) => {
  const { bed, targets } = await twoDays(context);
  await rm(join(bed.dir, ".totals"));
  const sent: string[] = [];
  const onRequest = ({ request }: { request: { body: Uint8Array } }) =>
    void sent.push(Buffer.from(request.body).toString());
  const { destinations } = await bed.upload({ targets, dryRun: true, onRequest });
  expect(destinations[0]?.notes).toHaveLength(1);
  expect(sent).toEqual([`a_total 0@${at(3, 1) + 1}\na_total 7@${at(3, 2)}`]);
  expect(await readdir(bed.dir)).not.toContain(".totals");
});

test("a request in doubt is given up where its totals are lost, and the 0 comes behind it", async (context) => {
  const { bed, targets } = await twoDays(context);
  const lostAnswer = new DeliveryError("ERR_DELIVERY_UNREACHABLE", "no answer", { inDoubt: true });
  const silent = createReceiver({ answer: () => ({ error: lostAnswer }) });
  await bed.upload({ targets: [{ ...targets[0]!, destination: silent }], timeoutMs: 0 });
  await rm(join(bed.dir, ".totals"));
  await bed.write("aaaaaaaa", NOON + at(3, 3), { a_total: 130 });

  const { destination } = targets[0]!;
  const report = await bed.upload({ targets });
  expect(report.destinations[0]).toMatchObject({ unknown: 1, accepted: 2 });
  expect(destination.samples).toEqual([`a_total 0@${at(3, 2) + 1}`, `a_total 3@${at(3, 3)}`]);
});

test("a destination that is not part of the upload that deletes keeps its loss in mind", async (context) => {
  const { bed, destination, targets } = await twoDays(context);
  await rm(join(bed.dir, ".totals"));
  await bed.write("aaaaaaaa", NOON + at(6, 0), { a_total: 130 });
  await bed.upload({ targets });
  destination.samples.length = 0;
  await rm(join(bed.dir, ".totals"));
  await utimes(join(bed.dir, "2025-10-09.prom"), new Date(NOON), new Date(NOON));

  const other = createReceiver({ name: "other", keepsHistory: false });
  const { deleted } = await bed.upload({
    targets: [{ destination: other, project: asItIs }],
    otherDestinations: targets,
    cleanup,
  });
  expect(deleted).toHaveLength(1);
  await bed.write("aaaaaaaa", NOON + at(6, 1), { a_total: 134 });
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`a_total 0@${at(6, 0) + 1}`, `a_total 4@${at(6, 1)}`]);
});

test("what was accepted before the totals began anew is not sent again, and the report says so", async (context) => {
  const { bed, destination, targets } = await twoDays(context);
  await rm(join(bed.dir, ".totals"));
  await bed.upload({ targets });
  destination.samples.length = 0;

  const { destinations } = await bed.upload({ targets, force: true });
  expect(destination.samples).toEqual([`a_total 0@${at(3, 1) + 1}`, `a_total 7@${at(3, 2)}`]);
  expect(destinations[0]?.notes).toEqual([
    "2 frames can't be sent again: they are from before the totals began anew.",
  ]);
});
