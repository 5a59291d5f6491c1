import { sleepFor } from "@promferry/core/delivery";
import { JournalError, type JournalIndex, syncDays } from "@promferry/core/journal";
import { compressDays } from "./compress-days.ts";
import type { UploadSession } from "./create-delivery.ts";
import type { Ledger } from "./ledger.ts";
import { createLedgerStore, createMemoryStore, readLedger } from "./ledger-store.ts";
import { acquireLock, type UploadLock } from "./lock.ts";
import { type FrameChoice, isInside } from "./plan.ts";
import { quarantinedSessions } from "./quarantine.ts";
import { type DeletedDay, type DestinationReport, type UploadReport, verdictOf } from "./report.ts";
import { deleteDays, type RetentionResult } from "./retention.ts";
import { retainedDestination } from "./retention-plan.ts";
import { serve } from "./serve.ts";
import { errorCode } from "./state-file.ts";
import { openTotals } from "./totals-store.ts";
import { nodeUploadFs } from "./upload-fs.ts";
import type { UploadOptions } from "./upload-options.ts";

/**
 * Carries a journal to its destinations, all at the same time; one that fails does not hold up the
 * others.
 *
 * @throws {UploadBusyError} Another process uploads from this directory.
 * @throws {LedgerError} The ledger or the totals cannot be read, or are damaged; nothing was sent.
 * @throws {JournalError} The journal, or one of its files that another upload may be able to read, cannot be read;
 *   nothing was sent.
 * @throws {TypeError} Two targets have the same name.
 */
export async function upload(options: UploadOptions): Promise<UploadReport> {
  const { journal, dryRun = false, fs = nodeUploadFs, now = Date.now, sleep = sleepFor, signal } = options;
  checkNames(options);
  const effects = { fs, now, sleep };
  // A directory that is not there is an empty journal, and a dry run leaves no trace.
  if (dryRun || !(await exists(fs, journal.dir))) return uploadAll(options, effects, undefined);
  const { waitMs, processes } = options;
  const lock = await acquireLock({
    dir: journal.dir,
    ...effects,
    ...(waitMs !== undefined && { waitMs }),
    ...(processes && { processes }),
    ...(signal && { signal }),
  });
  try {
    return await uploadAll(options, effects, lock);
  } finally {
    await lock.release();
  }
}

type Effects = Pick<UploadSession, "fs" | "now" | "sleep">;

async function uploadAll(
  options: UploadOptions,
  effects: Effects,
  lock: UploadLock | undefined,
): Promise<UploadReport> {
  const { journal, dryRun = false, signal } = options;
  const { fs, now } = effects;
  const guard = async () => lock?.check();
  const ledger = await readLedger(journal.dir, fs);
  const index = await journal.index();
  checkReadable(index, options, ledger);
  // What a destination is told must not be lost here when the power goes.
  if (!dryRun) await syncDays(journal, index.files);
  const remembering = [...options.targets, ...(options.otherDestinations ?? [])].map(retainedDestination);
  const session: UploadSession = {
    ...effects,
    options,
    journal,
    mayLeave: options.mayLeave ?? (() => true),
    store: dryRun
      ? createMemoryStore(ledger, remembering)
      : createLedgerStore({
          dir: journal.dir,
          fs,
          start: ledger,
          beforeWrite: guard,
          destinations: remembering,
        }),
    totals: await openTotals(journal.dir, fs, !dryRun),
    quarantined: await quarantinedSessions(journal.dir, fs),
    index,
    guard,
    // The ledger holds whole milliseconds; a clock may be finer.
    asOfMs: Math.floor(now()),
  };
  const destinations = await Promise.all(options.targets.map((target) => serve(session, target)));
  const { deleted, kept, droppedHistory, bytesOver } = await clean(session, destinations);
  const compressed = await compress(session, deleted);
  return {
    dryRun,
    destinations,
    deleted,
    kept,
    historyDropped: droppedHistory,
    bytesOver,
    compressed,
    damaged: index.damage.filter((each) => !each.recovered).length,
    heldFrames: index.held.length,
    unreadable: index.files.flatMap(({ name, error }) =>
      error ? [{ file: name, reason: error.message }] : [],
    ),
    aborted: signal?.aborted ?? false,
    verdict: verdictOf(destinations),
  };
}

/** Deletes what may go. A failure here undoes nothing: it is told as the reason to keep. */
async function clean(
  session: UploadSession,
  destinations: readonly DestinationReport[],
): Promise<RetentionResult> {
  const { options, now } = session;
  const { cleanup, dryRun = false, signal, targets, otherDestinations = [] } = options;
  const nothing: RetentionResult = { deleted: [], kept: [], droppedHistory: false, bytesOver: 0 };
  if (!cleanup || dryRun || signal?.aborted || destinations.length === 0) return nothing;
  try {
    return await deleteDays({
      ...session,
      now: now(),
      destinations: [...targets, ...otherDestinations].map(retainedDestination),
      ...cleanup,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...nothing, kept: [{ day: "all", reason }] };
  }
}

/**
 * What a file holds that could not be read now would be overtaken by newer samples, and then never sent; what was
 * sent of it before would be missing from every total.
 */
function checkReadable({ files }: JournalIndex, choice: FrameChoice, ledger: Ledger): void {
  for (const { name, error } of files) {
    if (error === undefined) continue;
    const wasSent = ledger.files.has(name);
    // A file of another user, or of another program, will not be read later either.
    const passes = error.code === "ERR_JOURNAL_IO" && isInside({ file: name }, choice);
    if (!wasSent && !passes) continue;
    const advice = wasSent
      ? "nothing was sent, since its counts are part of every total; make it readable, or move it away: then counters begin again at 0"
      : "nothing was sent; try again, or leave its day out with --from";
    throw new JournalError(error.code, `${error.message}; ${advice}`, error.path, error);
  }
}

/** Compresses the days that are over and stay. A failure here undoes nothing; the next upload tries again. */
async function compress(session: UploadSession, deleted: readonly DeletedDay[]): Promise<readonly string[]> {
  const { options, store, guard, index } = session;
  if (options.dryRun || options.signal?.aborted) return [];
  const gone = new Set(deleted.flatMap(({ files }) => files));
  const files = index.files.filter(({ name }) => !gone.has(name));
  return compressDays({ journal: options.journal, files, store, guard }).catch(() => []);
}

function checkNames({ targets, otherDestinations = [] }: UploadOptions): void {
  const names = new Set<string>();
  for (const { destination } of [...targets, ...otherDestinations]) {
    if (names.has(destination.name)) {
      throw new TypeError(`two destinations are named ${JSON.stringify(destination.name)}`);
    }
    names.add(destination.name);
  }
}

async function exists(fs: UploadOptions["journal"]["fs"], dir: string): Promise<boolean> {
  return fs.readDirectory(dir).then(
    () => true,
    (error: unknown) => errorCode(error) !== "ENOENT",
  );
}
