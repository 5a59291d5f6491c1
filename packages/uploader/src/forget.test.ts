import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type ConsentRecord, readConsent, writeConsent } from "@promferry/privacy";
import { expect, type TestContext, test } from "vitest";
import { asItIs, createReceiver, createTestBed, MINUTE, NOON, type TestBed } from "../test/harness.ts";
import { type ForgetFs, forget, nodeForgetFs } from "./forget.ts";

const YES: ConsentRecord = { choice: "enabled", decidedAtMs: NOON, decidedBy: "a test" };
const NO: ConsentRecord = { ...YES, choice: "disabled" };

const FOREIGN = [
  "notes.txt",
  "2025.prom",
  ".hidden",
  "identity.json.bak",
  "quarantine/mine.txt",
  "catalog.json",
];

/** A directory with everything that may lie in one, and some that isn't ours. */
async function fullDirectory(
  context: TestContext,
  consent: ConsentRecord | undefined = YES,
): Promise<TestBed> {
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + 5 * MINUTE, { k1_views_total: 3 });
  await bed.upload({ targets: [{ destination: createReceiver(), project: asItIs }] });
  for (const folder of ["quarantine", "rejected"]) mkdirSync(join(bed.dir, folder));
  for (const name of [
    "2025-10-05.prom.gz",
    "2025-10-05.prom.gz.partial",
    "2025-10-04.prom.repair.partial",
    "2025-10-04.removing-01234567.prom",
    "2025-10-06.3f9c2a17.prom",
    "2025-10-06.0001.prom",
    ".uploaded.tmp",
    ".upload-lock.7.tmp",
    ".totals",
    ".totals.damaged",
    ".maintained",
    ".doctor-01234567",
    "catalog-01234567.json",
    ".catalog-01234567.json.89abcdef",
    "identity.json",
    "identity.json.0123456789ab.tmp",
    "consent.json.0123456789ab.tmp",
    "quarantine/index.jsonl",
    "quarantine/2025-10-04.prom.0.01234567.damaged",
    "rejected/2025-10-04-grafana.jsonl",
    ...FOREIGN,
  ]) {
    writeFileSync(join(bed.dir, name), "");
  }
  if (consent) await writeConsent(bed.dir, consent);
  return bed;
}

const filesIn = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .sort();

/** Nobody writes here meanwhile, so there is nothing to wait for. */
const forgetAtOnce = (options: Parameters<typeof forget>[0]) => forget({ sleep: async () => {}, ...options });

test("what a collector was about to write when it was erased is erased as well", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
    writeFileSync(join(dir, "2025-10-06.prom"), "late");
  };
  await forget({ journal, by: "a test", sleep });
  expect(waits).toEqual([250]);
  expect(filesIn(dir)).toEqual([...FOREIGN].sort());
});

test("forget erases everything of ours and nothing else", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const receipt = await forgetAtOnce({ journal, by: "a test" });
  expect(filesIn(dir)).toEqual([...FOREIGN].sort());
  expect(await readdir(dir)).not.toContain("rejected");
  expect(receipt).toMatchObject({ dir, frames: 2, sessions: 1, left: [], keptRefusal: false });
  expect(receipt.days).toEqual(["2025-10-04", "2025-10-05", "2025-10-06"]);
  expect([...receipt.foreign].sort()).toEqual([...FOREIGN].sort());
  expect(receipt.erased.map(({ file }) => file)).toEqual(
    expect.arrayContaining(["2025-10-06.prom", ".uploaded", "identity.json", "consent.json"]),
  );
  expect(receipt.erased.find(({ file }) => file === "2025-10-06.prom")?.bytes).toBeGreaterThan(100);
});

test("a folder that is called like a day file is not ours: it stays, and nothing waits for it to go", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  for (const name of ["2025-10-03.prom", "2025-10-03.prom.gz"]) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "mine.txt"), "");
  }
  const receipt = await forgetAtOnce({ journal, by: "a test" });
  expect(receipt.left).toEqual([]);
  expect(receipt.foreign).toEqual(expect.arrayContaining(["2025-10-03.prom", "2025-10-03.prom.gz"]));
  expect(filesIn(dir)).toEqual(
    [...FOREIGN, "2025-10-03.prom/mine.txt", "2025-10-03.prom.gz/mine.txt"].sort(),
  );
});

test("a second time there is nothing to erase, and nothing is made", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  await forgetAtOnce({ journal, by: "a test" });
  expect(await forgetAtOnce({ journal, by: "a test" })).toMatchObject({ erased: [], frames: 0 });
  expect(filesIn(dir)).toEqual([...FOREIGN].sort());
});

test("a directory that isn't there stays so", async (context) => {
  const { journal, dir } = await createTestBed(context);
  const { openJournal } = await import("@promferry/core/journal");
  expect(await forgetAtOnce({ journal: openJournal(join(dir, "none")), by: "a test" })).toMatchObject({
    erased: [],
  });
  expect(journal.dir).toBe(dir);
  expect(readdirSync(dir)).toEqual([]);
});

test("a no that was said before outlives it: forgetting it would be a yes where the configuration says one", async (context) => {
  const { dir, journal } = await fullDirectory(context, NO);
  expect(await forgetAtOnce({ journal, by: "a test" })).toMatchObject({ keptRefusal: true });
  expect(filesIn(dir)).toEqual([...FOREIGN, "consent.json"].sort());
  expect(readConsent(dir)).toMatchObject({ record: { choice: "disabled" } });
  expect(await forgetAtOnce({ journal, by: "a test" })).toMatchObject({ keptRefusal: true });
});

test("what is deleted elsewhere comes first, when nothing is missing here and nothing may leave any more", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const before = filesIn(dir);
  let seen: unknown;
  await forgetAtOnce({
    journal,
    by: "a test",
    deleteRemote: async () => {
      seen = readConsent(dir);
      expect(filesIn(dir)).toEqual(expect.arrayContaining(before));
    },
  });
  expect(seen).toMatchObject({ record: { choice: "forgetting" } });
});

test("it waits for no upload, and erases nothing while one is under way", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const before = filesIn(dir);
  const { acquireLock } = await import("./lock.ts");
  const { nodeUploadFs } = await import("./upload-fs.ts");
  // Another process: this one would find its own lock alive as well.
  const lock = await acquireLock({ dir, fs: nodeUploadFs, now: Date.now, sleep: async () => {} });
  await expect(forgetAtOnce({ journal, by: "a test" })).rejects.toMatchObject({ code: "ERR_UPLOAD_BUSY" });
  expect(filesIn(dir)).toEqual(expect.arrayContaining(before));
  expect(readConsent(dir)).toMatchObject({ record: { choice: "enabled" } });
  await lock.release();
});

/** Dies at its n-th call that changes the disk. */
function dying(at: number): { fs: ForgetFs; dead: () => boolean } {
  let calls = 0;
  const mortal =
    <Args extends unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (++calls >= at) throw Object.assign(new Error("the process is gone"), { code: "EDEAD" });
      return work(...args);
    };
  const dead = () => calls >= at;
  const fs: ForgetFs = {
    ...nodeForgetFs,
    openAppend: mortal((path: string) => nodeForgetFs.openAppend(path)),
    openNew: mortal((path: string) => nodeForgetFs.openNew(path)),
    rename: mortal((from: string, to: string) => nodeForgetFs.rename(from, to)),
    unlink: mortal((path: string) => nodeForgetFs.unlink(path)),
    removeDirectory: mortal((path: string) => nodeForgetFs.removeDirectory(path)),
  };
  return { fs, dead };
}

for (const consent of [YES, NO]) {
  const name = `cut off at any change of the disk after ${consent.choice}, nothing may be sent, and the next one ends it`;
  test(name, { timeout: 60_000 }, async (context) => {
    let at = 1;
    for (; ; at++) {
      const { dir, journal } = await fullDirectory(context, consent);
      const { fs, dead } = dying(at);
      await forgetAtOnce({ journal, by: "a test", fs }).catch(() => {});
      if (!dead()) break;
      const names = filesIn(dir);
      const state = readConsent(dir);
      const choice = state.kind === "decided" ? state.record.choice : state.kind;
      const isWhole = names.includes("2025-10-06.prom") && names.includes(".uploaded");
      const isGone = names.every(
        (name) => FOREIGN.includes(name) || /^\.upload-lock|^consent\.json/.test(name),
      );
      // Either nothing has happened, or a no stands, or there is nothing left.
      if (choice === consent.choice) expect(isWhole || isGone, `call ${at}: ${names}`).toBe(true);
      else expect(choice === "forgetting" || isGone, `call ${at}: ${choice} ${names}`).toBe(true);
      const processes = {
        self: async () => ({ pid: 1, start: "", boot: "", host: "x", pidNamespace: "" }),
        startOf: async () => undefined,
      };
      const later = Date.now() + 10 * MINUTE;
      await forgetAtOnce({ journal, by: "a test", processes, now: () => later });
      const kept = consent === NO ? ["consent.json"] : [];
      expect(filesIn(dir), `call ${at}`).toEqual([...FOREIGN, ...kept].sort());
    }
    expect(at).toBeGreaterThan(25);
  });
}

test("what can't be removed is told, and as long as it is there the no stands", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const fs: ForgetFs = {
    ...nodeForgetFs,
    unlink: async (path) => {
      if (path.endsWith("2025-10-06.prom")) throw Object.assign(new Error("EPERM: no"), { code: "EPERM" });
      await nodeForgetFs.unlink(path);
    },
  };
  const receipt = await forgetAtOnce({ journal, by: "a test", fs });
  expect(receipt.left).toEqual([{ file: "2025-10-06.prom", reason: "EPERM: no" }]);
  expect(readConsent(dir)).toMatchObject({ record: { choice: "forgetting" } });
  expect(await forgetAtOnce({ journal, by: "a test" })).toMatchObject({ left: [] });
  expect(filesIn(dir)).toEqual([...FOREIGN].sort());
});

test("it ends between two files when it is told to, and a no stands", async (context) => {
  const { dir, journal } = await fullDirectory(context);
  const stop = new AbortController();
  const deleteRemote = async () => stop.abort(new Error("stopped"));
  await expect(forgetAtOnce({ journal, by: "a test", signal: stop.signal, deleteRemote })).rejects.toThrow(
    "stopped",
  );
  expect(readConsent(dir)).toMatchObject({ record: { choice: "forgetting" } });
});
