import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Damage,
  type Journal,
  type JournalFile,
  repairDay,
  repairedName,
} from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { withCopiedFile, withoutFiles } from "./ledger.ts";
import { createLedgerStore, readLedger } from "./ledger-store.ts";
import { acquireLock } from "./lock.ts";
import type { ProcessTable } from "./lock-holder.ts";
import { quarantineDamage } from "./quarantine.ts";
import { nodeUploadFs, type UploadFs } from "./upload-fs.ts";

export interface RepairOptions {
  readonly journal: Journal;
  readonly fs?: UploadFs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** How long to wait for an upload to end, in milliseconds. Default 0. */
  readonly waitMs?: number;
  /** Ends it between two files. */
  readonly signal?: AbortSignal;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly processes?: ProcessTable;
}

export interface RepairedDay {
  readonly file: string;
  /** What the file is called now; undefined where nothing was left of it. */
  readonly name: string | undefined;
  /** What lies in `quarantine/` since. */
  readonly damage: readonly Damage[];
}

export interface UnrepairedDay {
  readonly file: string;
  readonly reason: string;
}

export interface RepairReport {
  readonly repaired: readonly RepairedDay[];
  readonly left: readonly UnrepairedDay[];
}

/**
 * Moves what is damaged in closed days to `<dir>/quarantine/`, under the uploader's lock. A valid frame is never
 * touched, and neither is one of a later version; two valid frames of one number that differ both stay.
 *
 * @throws {UploadBusyError} An upload is under way.
 * @throws {LedgerError} The ledger or the quarantine can't be read or written; that day is as it was.
 * @throws {JournalError} As `repairDay`.
 * @throws The reason of `signal`.
 */
export async function repairJournal(options: RepairOptions): Promise<RepairReport> {
  const { journal, fs = nodeUploadFs, now = Date.now, waitMs, signal, processes } = options;
  const { sleep = async (ms) => void (await delay(ms)) } = options;
  const { dir } = journal;
  if ((await journal.index()).files.length === 0) return { repaired: [], left: [] };
  const lock = await acquireLock({
    dir,
    fs,
    now,
    sleep,
    ...(waitMs !== undefined && { waitMs }),
    ...(signal && { signal }),
    ...(processes && { processes }),
  });
  try {
    const guard = () => lock.check();
    const start = await readLedger(dir, fs);
    const store = createLedgerStore({ dir, fs, start, beforeWrite: guard, destinations: [] });
    const { files, damage } = await journal.index();
    const repaired: RepairedDay[] = [];
    const left: UnrepairedDay[] = [];
    /** Files that stand under these names now are not those that the index saw. */
    const made = new Set<string>();
    for (const file of files) {
      signal?.throwIfAborted();
      if (made.has(file.name)) continue;
      const own = damage.filter((each) => each.file === file.name);
      const broken = own.filter(({ reason }) => reason !== "conflict");
      const reason = reasonToLeave(file, own, broken);
      if (reason !== undefined) left.push({ file: file.name, reason });
      if (broken.length === 0 || !file.closed || file.error !== undefined) continue;
      await quarantineDamage(dir, fs, broken, now());
      const name = repairedName(file, broken);
      const isListed = name !== file.name && store.ledger.files.has(file.name);
      // Before it has the name, so that no crash separates a day from its summary.
      if (isListed) await store.change((ledger) => withCopiedFile(ledger, file.name, name));
      await guard();
      const outcome = await repairDay(journal, file, broken);
      const { result } = outcome;
      if (isListed) {
        const isThere = await fs.stat(join(dir, name)).then(
          () => true,
          () => false,
        );
        const old = [...(result === "repaired" ? [file.name] : []), ...(isThere ? [] : [name])];
        await store.change((ledger) => withoutFiles(ledger, new Set(old)));
      }
      if (result === "kept") left.push({ file: file.name, reason: outcome.reason });
      else {
        made.add(name);
        repaired.push({ file: file.name, name: outcome.gone ? undefined : name, damage: broken });
      }
    }
    return { repaired, left };
  } finally {
    await lock.release();
  }
}

function reasonToLeave(
  file: JournalFile,
  own: readonly Damage[],
  broken: readonly Damage[],
): string | undefined {
  if (file.error !== undefined) return file.error.message;
  if (own.length === 0) return undefined;
  if (!file.closed && broken.length > 0) return "the day is not over";
  if (own.length > broken.length) return "two valid frames of one session and number differ; both stay";
  return undefined;
}
