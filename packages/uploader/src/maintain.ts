import { setTimeout as delay } from "node:timers/promises";
import type { Journal } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { compressDays } from "./compress-days.ts";
import { createLedgerStore, readLedger } from "./ledger-store.ts";
import { acquireLock, UploadBusyError } from "./lock.ts";
import type { ProcessTable } from "./lock-holder.ts";
import type { MayLeave } from "./plan.ts";
import { quarantinedSessions } from "./quarantine.ts";
import type { DeletedDay, KeptDay } from "./report.ts";
import { deleteDays } from "./retention.ts";
import { retainedDestination, type UploadCleanup } from "./retention-plan.ts";
import { errorCode } from "./state-file.ts";
import { openTotals } from "./totals-store.ts";
import { nodeUploadFs, type UploadFs } from "./upload-fs.ts";
import type { UploadOptions } from "./upload-options.ts";

export interface MaintenanceOptions {
  readonly journal: Journal;
  /** What goes; as `cleanup` of an upload. */
  readonly cleanup: UploadCleanup;
  /** All that are configured: no day goes that one of them lacks. Default: none, and days go by age and size alone. */
  readonly destinations?: NonNullable<UploadOptions["otherDestinations"]>;
  /** As for an upload. Default: all frames may leave. */
  readonly mayLeave?: MayLeave;
  readonly fs?: UploadFs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  readonly processes?: ProcessTable;
}

export interface MaintenanceReport {
  readonly deleted: readonly DeletedDay[];
  readonly kept: readonly KeptDay[];
  /** Day files that were compressed, by their new names. */
  readonly compressed: readonly string[];
  /** Bytes above `maxBytes` that remain, since only days that are over go. */
  readonly bytesOver: number;
}

/**
 * What an upload does after it has sent, without sending: deletes days that may go, and compresses those that are
 * over and stay. For programs that write a journal and seldom or never upload. It may die at any moment.
 *
 * @returns Undefined where another process is at work in the directory, or there is none.
 * @throws {LedgerError}
 * @throws {JournalError}
 */
export async function maintainJournal(options: MaintenanceOptions): Promise<MaintenanceReport | undefined> {
  const { journal, cleanup, fs = nodeUploadFs, now = Date.now, processes } = options;
  const { destinations = [], mayLeave = () => true } = options;
  const { dir } = journal;
  const isThere = await fs.readDirectory(dir).then(
    () => true,
    (error) => errorCode(error) !== "ENOENT",
  );
  if (!isThere) return undefined;
  const sleep = async (ms: number) => void (await delay(ms));
  const locking = acquireLock({ dir, fs, now, sleep, ...(processes && { processes }) });
  const lock = await locking.catch((error: unknown) => {
    if (error instanceof UploadBusyError) return undefined;
    throw error;
  });
  if (lock === undefined) return undefined;
  try {
    const guard = () => lock.check();
    const retained = destinations.map(retainedDestination);
    const start = await readLedger(dir, fs);
    const store = createLedgerStore({ dir, fs, start, beforeWrite: guard, destinations: retained });
    const { deleted, kept, bytesOver } = await deleteDays({
      journal,
      store,
      guard,
      totals: await openTotals(dir, fs, true),
      quarantined: await quarantinedSessions(dir, fs),
      mayLeave,
      now: now(),
      destinations: retained,
      ...cleanup,
    });
    const { files } = await journal.index();
    return { deleted, kept, bytesOver, compressed: await compressDays({ journal, files, store, guard }) };
  } finally {
    await lock.release();
  }
}
