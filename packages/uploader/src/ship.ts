import { sleepFor } from "@promferry/core/delivery";
import { deletePassedSegments, forgetSessions, makeRoom } from "./delete-segments.ts";
import { messageOf } from "./failure.ts";
import { createLedgerStore, readLedger } from "./ledger-store.ts";
import { acquireLock, UploadBusyError, type UploadLock } from "./lock.ts";
import { SETTLE_DELAY_MS } from "./plan.ts";
import { quarantinedSessions } from "./quarantine.ts";
import { deleteDays } from "./retention.ts";
import { retainedDestination } from "./retention-plan.ts";
import { createSegmentQueue } from "./segment-queue.ts";
import { type ShipCrew, startShipCrew } from "./ship-crew.ts";
import type { DestinationStatus, ShipOptions, Shipper } from "./ship-options.ts";
import type { ShipSession } from "./ship-session.ts";
import { knownTotals, openTotals } from "./totals-store.ts";
import { nodeUploadFs } from "./upload-fs.ts";
import type { UploadTarget } from "./upload-options.ts";

/** How often the directory is looked at, for frames of others and for its size. */
const LOOK_EVERY_MS = 2_000;
/** How often day files are looked through for what may be deleted. */
const CLEAN_EVERY_MS = 3_600_000;
/** How long a part that is under way may take when the targets are changed. */
const FINISH_MS = 5_000;

/**
 * Carries a journal to its destinations as it grows, until it is stopped: segments above all, and day files of
 * programs beside them. Each destination is served by itself, so that one that is down holds up no other. A request is
 * tried until it is answered; nothing is given up for want of time. Ledger and promises are those of `upload`, and so is
 * the lock, which is held until the end; while another process has it, nothing is sent.
 *
 * Segments are deleted as soon as every destination has them.
 *
 * Memory is bounded by the series of a segment and by 4 MiB of frames for each destination, whatever lies on the disk.
 *
 * @throws {TypeError} Two targets have the same name, or one keeps no history.
 */
export function startShipper(options: ShipOptions): Shipper {
  checkTargets(options.targets);
  const { dir, fs = nodeUploadFs, now = Date.now, sleep = sleepFor, random = Math.random } = options;
  const { lingerMs = 1_000, patientMs = 60_000, mayLeave = () => true, onEvent = () => {} } = options;
  const { maxBytes = Number.POSITIVE_INFINITY, cleanup, settleMs = SETTLE_DELAY_MS, processes } = options;
  const queue = createSegmentQueue({ dir, fs, now, othersEveryMs: settleMs / 2 });
  const ending = new AbortController();
  const told = new Set<string>();
  let { targets } = options;
  let isDraining = false;
  let isBusy = false;
  let session: ShipSession | undefined;
  let crew: ShipCrew | undefined;
  let lastStatus: readonly DestinationStatus[] = [];
  let lastProblem = "";
  let tidying: Promise<void> = Promise.resolve();
  let news = createOccasion();
  let renewed = createOccasion();

  const tell: ShipSession["tell"] = (event) => {
    if (event.kind === "damaged") {
      const key = `${event.file} ${event.offsetBytes}`;
      if (told.has(key)) return;
      told.add(key);
    }
    onEvent(event);
  };
  const wake = () => {
    news.resolve();
    news = createOccasion();
  };
  const pause = (ms: number) => sleep(ms, ending.signal).catch(() => {});

  /** One at a time. What fails is told once while it stays the same, and tried again. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = tidying.then(work).then(
      () => {
        lastProblem = "";
      },
      (error: unknown) => {
        if (error instanceof UploadBusyError) throw error;
        const message = messageOf(error);
        if (message !== lastProblem && !ending.signal.aborted) tell({ kind: "local", message });
        lastProblem = message;
      },
    );
    tidying = done.catch(() => {});
    return done;
  }

  function startCrew(current: ShipSession): ShipCrew {
    return startShipCrew({
      session: current,
      targets,
      lingerMs,
      news: () => Promise.race([news.promise, pause(LOOK_EVERY_MS)]),
      tidy: async (shippers) => {
        await inTurn(async () => {
          await deletePassedSegments(current, shippers);
          await forgetSessions(current, shippers);
        });
      },
    });
  }

  async function keepHouse(current: ShipSession): Promise<never> {
    let cleanedMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      await pause(LOOK_EVERY_MS);
      ending.signal.throwIfAborted();
      await inTurn(async () => {
        await queue.refresh(0);
        const { shippers, alone } = crew!;
        await makeRoom(current, shippers, { maxBytes, alone });
        if (!cleanup || !queue.hasOthers || Math.abs(now() - cleanedMs) < CLEAN_EVERY_MS) return;
        cleanedMs = now();
        await cleanDays(current);
      });
    }
  }

  async function cleanDays({ totals, store, guard }: ShipSession): Promise<void> {
    const destinations = targets.map(retainedDestination);
    // Before, nothing tells what a destination has from what is lost.
    if (!destinations.every((each) => knownTotals(totals.totals.get(each.name), each))) return;
    await deleteDays({
      journal: queue.otherFiles,
      store,
      totals,
      quarantined: await quarantinedSessions(dir, fs),
      guard,
      mayLeave,
      now: now(),
      destinations,
      ...cleanup,
    });
  }

  async function lock(): Promise<UploadLock> {
    const wanted = { dir, fs, now, sleep, signal: ending.signal, ...(processes && { processes }) };
    await fs.makeDirectory(dir);
    try {
      return await acquireLock(wanted);
    } catch (error) {
      if (!(error instanceof UploadBusyError)) throw error;
      tell({ kind: "busy", message: error.message });
      isBusy = true;
      if (isDraining) ending.abort();
      return acquireLock({ ...wanted, waitMs: Number.POSITIVE_INFINITY });
    }
  }

  async function shipLocked(held: UploadLock): Promise<void> {
    const guard = () => held.check();
    const destinations = targets.map(retainedDestination);
    const start = await readLedger(dir, fs);
    const store = createLedgerStore({ dir, fs, start, beforeWrite: guard, destinations });
    const totals = await openTotals(dir, fs, true);
    const shared = { dir, fs, now, sleep, random, mayLeave, settleMs, patientMs, tell };
    const current: ShipSession = { ...shared, store, totals, queue, lastSegmentOf: new Map(), guard };
    crew = startCrew(current);
    session = current;
    if (isDraining) crew.end("drained");
    const house = keepHouse(current);
    house.catch(() => {});
    try {
      for (;;) {
        await Promise.race([crew.ended, house]);
        if (isDraining) return;
        crew = startCrew(current);
        renewed.resolve();
      }
    } finally {
      crew.abort();
      await Promise.allSettled([crew.ended, tidying]);
      lastStatus = crew.shippers.map((each) => each.status());
      session = undefined;
    }
  }

  async function ship(): Promise<void> {
    for (;;) {
      try {
        const held = await lock();
        isBusy = false;
        try {
          await shipLocked(held);
          return;
        } finally {
          await held.release();
        }
      } catch (error) {
        if (ending.signal.aborted) return;
        if (!(error instanceof UploadBusyError)) throw error;
        tell({ kind: "busy", message: error.message });
      }
    }
  }

  const ended = ship().finally(() => ending.abort());
  ended.catch(() => {});
  ending.signal.addEventListener("abort", () => crew?.abort());
  return {
    ended,
    wake,
    get isActive() {
      return session !== undefined;
    },
    async status() {
      await queue.refresh(500).catch(() => {});
      return {
        isActive: session !== undefined,
        destinations: session && crew ? crew.shippers.map((each) => each.status()) : lastStatus,
        queueBytes: queue.bytes,
        segments: queue.segments.length,
        damaged: told.size,
      };
    },
    async retarget(changed) {
      checkTargets(changed);
      targets = changed;
      const before = crew;
      if (session === undefined || before === undefined) return;
      renewed = createOccasion();
      before.end("soon");
      wake();
      await Promise.race([before.ended, pause(FINISH_MS)]);
      before.abort();
      await Promise.race([renewed.promise, ended]);
    },
    async stop(signal) {
      isDraining = true;
      const stopNow = () => ending.abort();
      signal.addEventListener("abort", stopNow, { once: true });
      // Without the lock nothing can be sent.
      if (signal.aborted || isBusy) stopNow();
      crew?.end("drained");
      wake();
      await ended.catch(() => {});
      signal.removeEventListener("abort", stopNow);
    },
  };
}

/** A promise that somebody else resolves. */
function createOccasion(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

function checkTargets(targets: readonly UploadTarget[]): void {
  const names = new Set<string>();
  for (const { destination } of targets) {
    const name = JSON.stringify(destination.name);
    if (names.has(destination.name)) throw new TypeError(`two destinations are named ${name}`);
    if (!destination.keepsHistory) {
      throw new TypeError(`destination ${name} keeps no history; nothing can be shipped to it continuously`);
    }
    names.add(destination.name);
  }
}
