import { createJournalWriter, type JournalWriter, openJournal } from "@promferry/core/journal";
import type { Projection } from "@promferry/core/merge";
import {
  maintainJournal,
  type ProcessTable,
  repairJournal,
  UploadBusyError,
  type UploadReport,
  upload,
} from "@promferry/uploader";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { createRandom } from "../random.ts";
import { differenceOf, expectedSamples } from "../simulation/expected-samples.ts";
import { hookFs } from "../simulation/hooked-fs.ts";
import { createJournalWatch } from "../simulation/journal-watch.ts";
import { createProgram, type Program } from "../simulation/program.ts";
import { createMemoryDestination, createReceiverMemory } from "../simulation/receiver-memory.ts";
import { createVolatileFs, type VolatileFs } from "../simulation/volatile-fs.ts";

const DIR = "/journal";
const BEGIN_MS = Date.UTC(2031, 2, 5, 10);
const MINUTE_MS = 60_000;
const LOCK_TIMEOUT_MS = 120_000;
const LOSSES = 4;
/** No schedule needs so many steps. */
const ENDLESS = 20_000;

export const powerLoss: Fault = {
  name: "power-loss",
  title:
    "simulated power loss while programs write and days are uploaded, deleted, compressed and repaired: unsynced writes dropped, torn, reordered; renames without directory sync undone",
  unit: "schedules",
  amounts: { long: 5000, short: 200, mutant: 400 },
  holds: "no acknowledged frame lost, no sample sent twice but in a request in doubt, no start refused",
  notShown: [
    "A power cut of a disk. A file system in memory loses what was not synced, more strictly than a real one; a real ext4 in an image is shut down without writing back, which spares it what a disk's own cache would lose.",
  ],
  run: (context) => eachCase(context, (index) => runSchedule(context, index)),
};

const project: Projection = ({ name, labels }) => ({ name, labels });

class PowerLoss extends Error {
  readonly code = "EPOWER";
}

interface RunningProgram {
  readonly program: Program;
  readonly writer: JournalWriter;
}

async function runSchedule(context: FaultContext, index: number): Promise<void> {
  const random = createRandom(context.seed, "power-loss", index);
  const memory = createReceiverMemory();
  const watch = createJournalWatch(memory);
  const clock = { nowMs: BEGIN_MS + random.between(0, 600) * MINUTE_MS };
  let fs = createVolatileFs(() => clock.nowMs);
  for (let boot = 1; boot <= LOSSES + 1; boot++) {
    const losesAt = boot <= LOSSES ? random.between(1, 250) : Number.POSITIVE_INFINITY;
    const before = random.chance(0.5);
    let steps = 0;
    let left: VolatileFs | undefined;
    const lose = () => {
      left = fs.afterPowerLoss(random);
      throw new PowerLoss("the power is gone");
    };
    const check = (isBefore: boolean) => {
      if (left !== undefined) throw new PowerLoss("the power is gone");
      demand(steps < ENDLESS, "something goes on for ever");
      if (isBefore === before && steps >= losesAt) lose();
    };
    const hooked = hookFs(fs, {
      before: ({ n }) => {
        if (n > 0) steps++;
        check(true);
      },
      after: () => check(false),
    });
    const destination = createMemoryDestination(memory, async (deliver) => {
      steps++;
      check(true);
      deliver();
      check(false);
    });
    const processes: ProcessTable = {
      self: async () => ({ pid: boot, start: "", boot: `boot ${boot}`, host: "here", pidNamespace: "" }),
      startOf: async (pid) => (pid === boot ? "" : undefined),
    };
    const programs: RunningProgram[] = [];

    const uploadOnce = (cleans: boolean): Promise<UploadReport> =>
      upload({
        journal: openJournal(DIR, { fs: hooked, now: () => clock.nowMs }),
        targets: [{ destination, project }],
        fs: hooked,
        now: () => clock.nowMs,
        sleep: async () => {},
        processes,
        ...(cleans ? { cleanup: {} } : {}),
      });
    /** A lock that was being written when the power went names no holder: it counts for two minutes. */
    const orBusy = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof UploadBusyError) || error.holder !== undefined) throw error;
        clock.nowMs += LOCK_TIMEOUT_MS;
        context.count("locks waited for");
        return await work();
      }
    };
    const doUpload = async (cleans: boolean) => {
      watch.look(fs.files(DIR), false);
      const report = await orBusy(() => uploadOnce(cleans));
      const { failure } = report.destinations[0]!;
      demand(failure === undefined || left !== undefined, `an upload failed: ${failure?.message}`);
      if (left === undefined) memory.settleLast();
      context.count("days deleted", report.deleted.length);
    };
    const doWrite = async () => {
      if (programs.length === 0) return;
      const running = random.pick(programs);
      running.program.work();
      const state = running.program.state();
      const families = running.program.families();
      if (random.chance(0.1)) {
        programs.splice(programs.indexOf(running), 1);
        // Survives the process; nobody is promised more.
        running.writer.writeSync({ kind: "full", families, exit: true });
        return;
      }
      watch.acknowledge(await running.writer.write({ kind: "full", families }), state);
    };
    const doStart = async () => {
      const writer = createJournalWriter({
        dir: DIR,
        origin: "app",
        consent: "config",
        info: { intervalMs: 30 * MINUTE_MS },
        dayBoundary: "utc",
        fs: hooked,
        now: () => clock.nowMs,
        monotonicMs: () => clock.nowMs,
        platform: "linux",
        randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => random.between(0, 255))),
      });
      programs.push({ program: createProgram(random), writer });
      await writer.write({ kind: "start", families: [] });
    };

    const maintenance = () => ({
      journal: openJournal(DIR, { fs: hooked, now: () => clock.nowMs }),
      fs: hooked,
      now: () => clock.nowMs,
      processes,
    });
    /** What nobody wrote, as a disk leaves it; the repair moves it away, frames around it stay. */
    const doRepair = async () => {
      for (const [name, bytes] of fs.files(DIR)) {
        const isPlain = /^\d{4}-.*\.prom$/.test(name);
        if (!isPlain || !random.chance(0.5)) continue;
        fs.put(
          `${DIR}/${name}`,
          Buffer.concat([bytes, Buffer.from("\n# Written: nothing that anybody knows\n")]),
        );
      }
      const { repaired } = await repairJournal({ ...maintenance(), sleep: async () => {} });
      context.count("days repaired", repaired.length);
    };
    const doMaintain = async () => {
      watch.look(fs.files(DIR), false);
      const destinations = [{ destination, project }];
      // What stays is compressed.
      const cleanup = random.chance(0.5) ? {} : { olderThanDays: 30 };
      const report = await maintainJournal({ ...maintenance(), cleanup, destinations });
      context.count("days deleted", report?.deleted.length ?? 0);
      context.count("days compressed", report?.compressed.length ?? 0);
    };

    const act = async (): Promise<void> => {
      clock.nowMs += random.pick([1, 5_000, 2 * MINUTE_MS, 40 * MINUTE_MS, 300 * MINUTE_MS]);
      const choice = random.next();
      if (programs.length === 0 || (programs.length < 3 && choice < 0.1)) await doStart();
      else if (choice < 0.6) await doWrite();
      else if (choice < 0.7) await Promise.all([doWrite(), doWrite()]);
      else if (choice < 0.8) await Promise.all([doWrite(), doUpload(false)]);
      else if (choice < 0.88) await doUpload(random.chance(0.5));
      else if (choice < 0.94) await orBusy(doMaintain);
      else await orBusy(doRepair);
    };
    try {
      for (let actions = 0; boot <= LOSSES ? true : actions < 12; actions++) await act();
      clock.nowMs += MINUTE_MS;
      await doUpload(false);
    } catch (error) {
      if (left === undefined) throw error;
    }
    if (left === undefined) break;
    context.count("power losses");
    // What is still under way runs into the dead file system.
    await new Promise((resolve) => setImmediate(resolve));
    fs = left;
    watch.look(fs.files(DIR), true);
  }
  memory.check();
  watch.look(fs.files(DIR), false);
  const difference = differenceOf(memory.samples, expectedSamples(watch.frames()));
  demand(difference === undefined, `at the receiver ${difference}`);
  demand(
    memory.repeated <= LOSSES,
    `${memory.repeated} requests were repeated, with ${LOSSES} losses of power`,
  );
  context.count("frames acknowledged", watch.acknowledged);
  context.count("samples received", memory.samples.size);
  context.count("requests repeated", memory.repeated);
}
