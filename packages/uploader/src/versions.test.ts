import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openJournal } from "@promferry/core/journal";
import { expect, type TestContext, test } from "vitest";
import { asItIs, createReceiver, createTestBed, DAY, HOUR, MINUTE, NOON } from "../test/harness.ts";
import { formatLedger, parseLedger, repairJournal, upload } from "./index.ts";
import { formatTotals, openTotals } from "./totals-store.ts";
import { nodeUploadFs } from "./upload-fs.ts";

/** A journal of the first version; see `docs/journal-versions.md`. */
const SAMPLE = fileURLToPath(new URL("../../core/test/v1-sample", import.meta.url));

async function sample({ onTestFinished }: Pick<TestContext, "onTestFinished">) {
  const dir = await mkdtemp(join(tmpdir(), "promferry-v1-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(SAMPLE, dir, { recursive: true });
  for (const name of await readdir(dir)) await utimes(join(dir, name), new Date(NOON), new Date(NOON));
  return dir;
}

async function contentsOf(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).filter((name) => !name.startsWith(".upload-lock"));
  const read = names.sort().map(async (name) => [name, await readFile(join(dir, name), "latin1")] as const);
  return Object.fromEntries(await Promise.all(read));
}

const at = (minutes: number) => 9 * HOUR - 12 * HOUR + minutes * MINUTE;

test("an upload goes on where the first version stopped: same request, same totals, nothing twice", async (context) => {
  const dir = await sample(context);
  const store = createReceiver({ name: "store" });
  const options = {
    journal: openJournal(dir, { now: () => NOON + 2 * DAY }),
    now: () => NOON + 2 * DAY,
    targets: [{ destination: store, project: asItIs, projectionId: "v1" }],
  };
  const { destinations } = await upload(options);
  expect(destinations[0]).toMatchObject({ failure: undefined, resent: 20, notes: [] });
  // The totals of the days before: 6 and 1 views, 3 of 5 fast drawings, which took 1.25 s.
  expect(store.samples).toEqual([
    `k1_views_total 8@${at(5)}`,
    `k1_views_total 13@${at(10)}`,
    `k1_views_total 2@${at(5)}`,
    `k1_views_total 2@${at(10)}`,
    `k1_depth 1@${at(5)}`,
    `k1_depth 1@${at(10)}`,
    `k1_draw_seconds_bucket 4@${at(5)}`,
    `k1_draw_seconds_bucket 4@${at(10)}`,
    `k1_draw_seconds_bucket 6@${at(5)}`,
    `k1_draw_seconds_bucket 6@${at(10)}`,
    `k1_draw_seconds_sum 1.5@${at(5)}`,
    `k1_draw_seconds_sum 1.5@${at(10)}`,
    `k1_draw_seconds_count 6@${at(5)}`,
    `k1_draw_seconds_count 6@${at(10)}`,
    `jobs_total 5@${at(6)}`,
    `jobs_total 1@${at(7)}`,
    `node_time_seconds 1.5@${at(5) + 123}`,
    `node_time_seconds Infinity@${at(5) + 15_123}`,
    `up NaN@${at(6)}`,
    `up 1@${at(7)}`,
  ]);
  expect((await upload(options)).destinations[0]).toMatchObject({ accepted: 0, failure: undefined });
});

test("totals of v1 are written back as they were, and the ledger with nothing but a checksum added", async (context) => {
  const dir = await sample(context);
  const before = await contentsOf(dir);
  const ledger = before[".uploaded"]!;
  const written = formatLedger(parseLedger(ledger, ".uploaded"));
  expect(written.replace(/^\{"v": 2, "crc32": "[0-9a-f]{8}",/, '{"v": 1,')).toBe(ledger);
  expect(written).not.toBe(ledger);
  const { totals } = await openTotals(dir, nodeUploadFs, false);
  expect(formatTotals(totals)).toBe(before[".totals"]);
});

for (const { file, version, code, message } of [
  {
    file: ".uploaded",
    version: 3,
    code: "ERR_LEDGER_VERSION",
    message:
      /\.uploaded: its version is 3 and this program knows 1 and 2; use the program that wrote it, or a newer one$/,
  },
  {
    file: ".totals",
    version: 2,
    code: "ERR_LEDGER_VERSION",
    message:
      /\.totals: its version is 2 and this program knows 1; use the program that wrote it, or a newer one$/,
  },
]) {
  test(`${file} of version ${version} is refused by name, and nothing is sent or touched`, async (context) => {
    const dir = await sample(context);
    const text = await readFile(join(dir, file), "utf8");
    await writeFile(join(dir, file), text.replace(/^\{"v": ?1,/, `{"v": ${version},`));
    const before = await contentsOf(dir);
    expect(before[file]).toContain(`"v": ${version}`);
    const store = createReceiver({ name: "store" });
    const journal = openJournal(dir, { now: () => NOON + 9 * DAY });
    const targets = [{ destination: store, project: asItIs, projectionId: "v1" }];
    const cleanup = { unsettledOlderThanDays: 0, maxBytes: 1 };
    await expect(upload({ journal, targets, cleanup, now: () => NOON + 9 * DAY })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(store.bodies).toEqual([]);
    expect(await contentsOf(dir)).toEqual(before);
  });
}

test("a frame of version 2 is refused by name; what stands around it is sent, and its day stays as it is", async (context) => {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  const path = join(bed.dir, "2025-10-06.prom");
  const later = `\n# Written: 2025-10-06T12:00:30.000Z v=3 session=bbbbbbbb seq=0 shape=new\nx|1\n# End: crc64=00\n`;
  await writeFile(path, `${await readFile(path, "utf8")}${later}`);
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 1 });
  await utimes(path, new Date(NOON), new Date(NOON));
  bed.nowMs = NOON + 9 * DAY;
  const before = await readFile(path, "latin1");

  const { unsupported, damage } = await bed.journal.index();
  expect(damage).toEqual([]);
  expect(unsupported).toMatchObject([
    {
      file: "2025-10-06.prom",
      unsupported: "v=3",
      offsetBytes: before.indexOf("# Written: 2025-10-06T12:00:30"),
    },
  ]);
  const destination = createReceiver();
  const cleanup = { unsettledOlderThanDays: 0 };
  const report = await bed.upload({ targets: [{ destination, project: asItIs }], cleanup });
  expect(destination.samples).toEqual(["a_total 0@0", `a_total 1@${MINUTE}`]);
  expect(report).toMatchObject({
    deleted: [],
    compressed: [],
    kept: [{ reason: "2025-10-06.prom holds frames of a later version" }],
  });
  const now = () => bed.nowMs;
  expect(await repairJournal({ journal: openJournal(bed.dir, { now }), now })).toEqual({
    repaired: [],
    left: [],
  });
  expect(await readFile(path, "latin1")).toBe(before);
  expect(await readdir(bed.dir)).toEqual([".uploaded", "2025-10-06.prom"]);
});
