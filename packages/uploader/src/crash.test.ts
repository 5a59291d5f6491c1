import { nodeJournalFs } from "@promferry/core/journal";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { isOff, processesOf } from "../test/dying-fs.ts";
import { createFaultyUploads, type Fault, faultsUpTo } from "../test/faults.ts";
import { asItIs, createReceiver, createTestBed, DAY, MINUTE, NOON } from "../test/harness.ts";
import { LedgerError, nodeUploadFs, readLedger, type UploadFs } from "./index.ts";

const faults = faultsUpTo({ writes: 60, sends: 6 });

test("whatever dies when, each sample arrives, and what arrives twice arrives in the same bytes", {
  timeout: 30_000,
}, async (context) => {
  const property = fc.asyncProperty(
    fc.array(faults, { maxLength: 8 }),
    fc.integer({ min: 1, max: 9 }),
    async (plan, maxSamples) => {
      const bed = await createTestBed(context);
      const expected: string[] = [];
      const faulty = createFaultyUploads();
      const receiver = createReceiver({ maxSamples, answer: faulty.answer });

      const uploads: Fault[] = [...plan, { kind: "none" }];
      let total = 0;
      for (const [i, each] of uploads.entries()) {
        for (const [session, behindMs] of [["aaaaaaaa", 0] as const, ["bbbbbbbb", 1000] as const]) {
          const at = NOON + i * 10 * MINUTE + behindMs;
          if (i === 0) await bed.write(session, at - 1, "start");
          await bed.write(session, at, { a_total: i + 1 });
          if (++total === 1) expected.push(`a_total 0@${at - 1 - NOON}`);
          expected.push(`a_total ${total}@${at - NOON}`);
        }
        const options = { fs: faulty.begin(each), processes: processesOf(i + 1), timeoutMs: 0 };
        await bed
          .upload({ targets: [{ destination: receiver, project: asItIs }], ...options })
          .catch((error: unknown) => {
            if (!(error instanceof LedgerError || isOff(error))) throw error;
          });
      }

      expect(faulty.once).toEqual(expected);
      expect(faulty.resends).toBeLessThanOrEqual(plan.filter(({ kind }) => kind !== "none").length);
      const ledger = await readLedger(bed.dir, nodeUploadFs);
      expect(ledger.destinations.get("store")).toMatchObject({
        accepted: expected.length,
        refused: 0,
        unknown: 0,
      });
    },
  );
  await fc.assert(property, { numRuns: 20 });
});

test("late sessions and crashes together lose no count and send no time twice", {
  timeout: 30_000,
}, async (context) => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ fault: faults, lateByMs: fc.integer({ min: 1, max: 40 * MINUTE }) }), {
      maxLength: 6,
    }),
    fc.integer({ min: 1, max: 4 }),
    async (plan, maxSamples) => {
      const bed = await createTestBed(context);
      const faulty = createFaultyUploads();
      const receiver = createReceiver({ maxSamples, answer: faulty.answer });
      let total = 0;
      const rounds = [...plan, { fault: { kind: "none" } as Fault, lateByMs: 1 }];
      for (const [i, round] of rounds.entries()) {
        const at = NOON + (i + 5) * 10 * MINUTE;
        if (i === 0) await bed.write("aaaaaaaa", at - 1, "start");
        await bed.write("aaaaaaaa", at, { a_total: i + 1 });
        // A session that ended long ago, or just now, and whose frames come only now.
        const late = `bbbbbbb${i}`;
        await bed.write(late, at - round.lateByMs - 1, "start");
        await bed.write(late, at - round.lateByMs, { a_total: 10, b_total: 1 });
        total += 11;
        await bed
          .upload({
            targets: [{ destination: receiver, project: asItIs }],
            fs: faulty.begin(round.fault),
            processes: processesOf(i + 1),
            timeoutMs: 0,
          })
          .catch((error: unknown) => {
            if (!(error instanceof LedgerError || isOff(error))) throw error;
          });
      }

      for (const [name, sum] of [
        ["a_total", total],
        ["b_total", rounds.length],
      ] as const) {
        const samples = faulty.once
          .filter((line) => line.startsWith(name))
          .map((line) => line.split(/[ @]/).map(Number));
        const times = samples.map(([, , at]) => at);
        expect(times).toEqual([...new Set(times)].sort((a, b) => a! - b!));
        expect(samples.at(-1)?.[1]).toBe(sum);
      }
      const ledger = await readLedger(bed.dir, nodeUploadFs);
      const record = ledger.destinations.get("store");
      expect(record).toMatchObject({ accepted: faulty.once.length, refused: 0, unknown: 0, next: undefined });
      expect(record?.late.size).toBe(0);
    },
  );
  await fc.assert(property, { numRuns: 20 });
});

test("nothing is sent before the day files that hold it are on the disk", async (context) => {
  const seen: string[] = [];
  const fs: UploadFs = {
    ...nodeUploadFs,
    async openAppend(path) {
      const file = await nodeJournalFs.openAppend(path);
      return {
        ...file,
        async sync() {
          await file.sync();
          if (path.endsWith(".prom")) seen.push("synced");
        },
      };
    },
  };
  const bed = await createTestBed(context, fs);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  const destination = createReceiver({
    answer: () => {
      seen.push("sent");
      return "take";
    },
  });

  await bed.upload({ targets: [{ destination, project: asItIs }] });

  expect(seen).toEqual(["synced", "sent"]);
});

test("a day file that cannot be read now is not overtaken by newer samples", async (context) => {
  let broken = true;
  const fs: UploadFs = {
    ...nodeUploadFs,
    async openRead(path) {
      if (broken && path.endsWith("2025-10-05.prom"))
        throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
      return nodeJournalFs.openRead(path);
    },
  };
  const bed = await createTestBed(context, fs);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 2 });
  await bed.write("aaaaaaaa", NOON, { a_total: 5 });
  const destination = createReceiver();
  const targets = [{ destination, project: asItIs }];

  await expect(bed.upload({ targets })).rejects.toMatchObject({ code: "ERR_JOURNAL_IO" });
  expect(destination.samples).toEqual([]);
  broken = false;
  await bed.upload({ targets });
  expect(destination.samples).toEqual([`a_total 0@${-DAY}`, `a_total 2@${MINUTE - DAY}`, "a_total 5@0"]);
});

/** Files of the first day may not be read while `state.forbidden`. */
async function withoutRights(context: TestContext) {
  const state = { forbidden: false };
  const fs: UploadFs = {
    ...nodeUploadFs,
    async openRead(path) {
      if (state.forbidden && path.endsWith("2025-10-05.prom"))
        throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return nodeJournalFs.openRead(path);
    },
  };
  const bed = await createTestBed(context, fs);
  await bed.write("aaaaaaaa", NOON - DAY, "start");
  await bed.write("aaaaaaaa", NOON - DAY + MINUTE, { a_total: 2 });
  const destination = createReceiver();
  return { bed, state, destination, targets: [{ destination, project: asItIs }] };
}

test("a day file that may not be read is passed over and named, and shows in later totals once it may", async (context) => {
  const { bed, state, destination, targets } = await withoutRights(context);
  await bed.write("aaaaaaaa", NOON, { a_total: 5 });
  state.forbidden = true;
  const { verdict, unreadable } = await bed.upload({ targets, cleanup: { maxBytes: 1 } });
  expect(verdict).toBe(0);
  expect(unreadable).toEqual([{ file: "2025-10-05.prom", reason: expect.stringContaining("EACCES") }]);
  expect(destination.samples).toEqual(["a_total 0@0"]);
  state.forbidden = false;
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 6 });
  expect((await bed.upload({ targets })).unreadable).toEqual([]);
  expect(destination.samples).toEqual(["a_total 0@0", `a_total 6@${MINUTE}`]);
});

test("a day file that was sent and may not be read any more stops the upload: totals would fall", async (context) => {
  const { bed, state, destination, targets } = await withoutRights(context);
  await bed.upload({ targets });
  await bed.write("aaaaaaaa", NOON, { a_total: 5 });
  state.forbidden = true;
  for (const choice of [{}, { from: "2025-10-06" }]) {
    await expect(bed.upload({ targets, ...choice })).rejects.toMatchObject({
      code: "ERR_JOURNAL_FORBIDDEN",
      message: expect.stringContaining("its counts are part of every total"),
    });
  }
  state.forbidden = false;
  await bed.upload({ targets });
  expect(destination.samples.at(-1)).toBe("a_total 5@0");
});

test("a lock that cannot be removed does not take the upload's report away", async (context) => {
  const fs: UploadFs = {
    ...nodeUploadFs,
    async unlink(path) {
      if (path.includes(".upload-lock.")) throw Object.assign(new Error("EIO"), { code: "EIO" });
      await nodeUploadFs.unlink(path);
    },
  };
  const bed = await createTestBed(context);
  await bed.write("aaaaaaaa", NOON, "start");
  await bed.write("aaaaaaaa", NOON + MINUTE, { a_total: 2 });
  const targets = [{ destination: createReceiver(), project: asItIs }];

  expect(await bed.upload({ targets, fs })).toMatchObject({ verdict: 0, destinations: [{ accepted: 2 }] });
});

test("where later frames can't be read, all that was answered is written down first", async (context) => {
  let broken = false;
  const fs: UploadFs = {
    ...nodeUploadFs,
    async openRead(path) {
      if (broken && path.endsWith(".prom")) throw Object.assign(new Error("EMFILE"), { code: "EMFILE" });
      return nodeJournalFs.openRead(path);
    },
  };
  const bed = await createTestBed(context, fs);
  await bed.write("aaaaaaaa", NOON - 1, "start");
  for (let day = 0; day < 6; day++) await bed.write("aaaaaaaa", NOON + day * DAY, { a_total: day + 1 });
  const destination = createReceiver({
    answer: () => {
      broken = true;
      return "take";
    },
  });
  const options = { targets: [{ destination, project: asItIs }], fs };

  const stopped = await bed.upload(options);

  expect(stopped.destinations[0]?.failure).toMatchObject({ code: "ERR_JOURNAL_IO" });
  const accepted = destination.samples.length;
  expect(accepted).toBeLessThan(7);
  const ledger = await readLedger(bed.dir, nodeUploadFs);
  expect(ledger.destinations.get("store")).toMatchObject({ accepted, next: undefined });
  broken = false;
  const { destinations } = await bed.upload(options);
  expect(destinations[0]).toMatchObject({ resent: 0, failure: undefined });
  expect(destination.samples).toHaveLength(7);
});
