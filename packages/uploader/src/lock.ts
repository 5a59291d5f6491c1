/**
 * One uploader a directory.
 *
 * The lock is the file `.upload-lock.<n>` with the highest n. It is taken by making that file
 * exclusively: the lock of a dead holder is number n, and of all who see that it is dead only one can
 * make n + 1. A holder that was only slow finds the higher number at its next look and stops.
 */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { EpochMs } from "@promferry/core/series";
import { countAt, JsonShapeError, recordAt, stringAt } from "./json-value.ts";
import { LedgerError } from "./ledger-error.ts";
import { isGone, LOCK_TIMEOUT_MS, type LockHolder, nodeProcesses, type ProcessTable } from "./lock-holder.ts";
import {
  createStateFile,
  errorCode,
  readStateDirectory,
  readStateFile,
  removeIfThere,
  replaceStateFile,
} from "./state-file.ts";
import type { UploadFs } from "./upload-fs.ts";

const LOCK_FILE = /^\.upload-lock\.(\d{1,15})$/;
const REFRESH_MS = 20_000;
const POLL_MS = 500;
/** Whoever makes a lock's file writes it at once: one that is empty for so many looks was left so by a kill. */
const EMPTY_LOOKS = 4;

/** Another process uploads from this directory, or has taken over from this one. Exit code 75. */
export class UploadBusyError extends Error {
  override readonly name = "UploadBusyError";
  readonly code = "ERR_UPLOAD_BUSY";
  readonly dir: string;
  /** Undefined where its file could not be read yet. */
  readonly holder: LockHolder | undefined;

  constructor(message: string, dir: string, holder: LockHolder | undefined) {
    super(message);
    this.dir = dir;
    this.holder = holder;
  }
}

export interface UploadLock {
  /**
   * Refreshes the lock when it is time to.
   *
   * @throws {UploadBusyError} The lock is no longer ours.
   */
  check(): Promise<void>;
  release(): Promise<void>;
}

export interface LockOptions {
  readonly dir: string;
  readonly fs: UploadFs;
  readonly now: () => EpochMs;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** How long to wait for another holder, in milliseconds. Default 0. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  readonly processes?: ProcessTable;
}

/**
 * @throws {UploadBusyError} Another process holds the lock; the message says which.
 * @throws {LedgerError} The lock's file cannot be written.
 */
export async function acquireLock(options: LockOptions): Promise<UploadLock> {
  const { dir, fs, now, sleep, waitMs = 0, signal, processes = nodeProcesses } = options;
  const untilMs = now() + waitMs;
  const self = await processes.self();
  const token = randomBytes(8).toString("hex");
  let emptyNumber: number | undefined;
  let emptyLooks = 0;
  for (;;) {
    const found = await highest(dir, fs);
    const text = found === undefined ? undefined : await readStateFile(fs, pathOf(dir, found));
    if (text === "") {
      emptyLooks = found === emptyNumber ? emptyLooks + 1 : 1;
      emptyNumber = found;
      if (emptyLooks <= EMPTY_LOOKS) {
        await sleep(POLL_MS, signal);
        continue;
      }
    }
    const holder = text === undefined ? undefined : holderIn(text);
    const isLeft = found === undefined || text === "";
    if (isLeft || (await isFree(holder, processes, now(), dir, fs, found))) {
      const mine = (found ?? 0) + 1;
      const own = format({ ...self, refreshedMs: now() }, token);
      const made = await createStateFile(fs, pathOf(dir, mine), own);
      // Another one may have found the same and come and gone in between; or whoever made the file found has written it now.
      const isUnchanged =
        made && (found === undefined || (await readStateFile(fs, pathOf(dir, found))) === text);
      if (isUnchanged && (await isOurs(mine))) {
        await removeLower(dir, fs, mine);
        return hold(mine);
      }
      // Under this number another one may have come meanwhile.
      if (made && (await readStateFile(fs, pathOf(dir, mine)))?.includes(token)) {
        await removeIfThere(fs, pathOf(dir, mine));
      }
      continue;
    }
    if (now() + POLL_MS > untilMs) throw new UploadBusyError(busyMessage(dir, holder), dir, holder);
    await sleep(POLL_MS, signal);
  }

  async function isOurs(mine: number): Promise<boolean> {
    if ((await highest(dir, fs)) !== mine) return false;
    return (await readStateFile(fs, pathOf(dir, mine)))?.includes(token) ?? false;
  }

  function hold(mine: number): UploadLock {
    let refreshedMs = now();
    let refreshing: Promise<void> = Promise.resolve();

    /** Looks first: after a stop of minutes another process may have had the lock, or have it under this number. */
    function refresh(): Promise<void> {
      refreshedMs = now();
      const text = format({ ...self, refreshedMs }, token);
      const written = refreshing.then(async () => {
        if (await isOurs(mine)) await replaceStateFile(fs, pathOf(dir, mine), text);
      });
      refreshing = written.catch(() => {});
      return written;
    }

    // A request or a wait may last longer than a lock does. A failed refresh shows at the next check.
    const timer = setInterval(() => refresh().catch(() => {}), REFRESH_MS);
    timer.unref();
    return {
      async check() {
        await refreshing;
        if (!(await isOurs(mine))) {
          const current = await highest(dir, fs);
          const holder = current === undefined ? undefined : await readHolder(dir, fs, current);
          const message = `the upload lock of ${dir} was taken over${who(holder)}; this upload stops, and the next one goes on from the ledger`;
          throw new UploadBusyError(message, dir, holder);
        }
        if (Math.abs(now() - refreshedMs) >= REFRESH_MS) await refresh();
      },
      async release() {
        clearInterval(timer);
        await refreshing;
        // What was uploaded is uploaded: a lock that stays counts until this process ends, two minutes at most.
        const end = async () => {
          if (await isOurs(mine)) await removeIfThere(fs, pathOf(dir, mine));
        };
        await end().catch(() => {});
      },
    };
  }
}

async function isFree(
  holder: LockHolder | undefined,
  processes: ProcessTable,
  now: EpochMs,
  dir: string,
  fs: UploadFs,
  number: number,
): Promise<boolean> {
  if (holder) return isGone(holder, processes, now);
  // Damaged, or not all there.
  try {
    const { modifiedMs } = await fs.stat(pathOf(dir, number));
    return Math.abs(now - modifiedMs) >= LOCK_TIMEOUT_MS;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    const path = pathOf(dir, number);
    throw new LedgerError("ERR_LEDGER_UNREADABLE", `cannot look at ${path}`, path, error);
  }
}

async function highest(dir: string, fs: UploadFs): Promise<number | undefined> {
  const numbers = await lockNumbers(dir, fs);
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

async function lockNumbers(dir: string, fs: UploadFs): Promise<number[]> {
  const names = await readStateDirectory(fs, dir);
  return names.flatMap((name) => {
    const number = LOCK_FILE.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

async function removeLower(dir: string, fs: UploadFs, mine: number): Promise<void> {
  for (const number of await lockNumbers(dir, fs)) {
    if (number < mine) await removeIfThere(fs, pathOf(dir, number));
  }
}

function pathOf(dir: string, number: number): string {
  return join(dir, `.upload-lock.${number}`);
}

async function readHolder(dir: string, fs: UploadFs, number: number): Promise<LockHolder | undefined> {
  const text = await readStateFile(fs, pathOf(dir, number));
  return text === undefined ? undefined : holderIn(text);
}

function holderIn(text: string): LockHolder | undefined {
  try {
    const keys = ["v", "pid", "start", "boot", "host", "pid_namespace", "refreshed_at", "token"];
    const lock = recordAt(JSON.parse(text), "lock", keys);
    const refreshedMs = Date.parse(stringAt(lock["refreshed_at"], "refreshed_at"));
    return {
      pid: countAt(lock["pid"], "pid"),
      start: stringAt(lock["start"], "start"),
      boot: stringAt(lock["boot"], "boot"),
      host: stringAt(lock["host"], "host"),
      pidNamespace: stringAt(lock["pid_namespace"], "pid_namespace"),
      refreshedMs: Number.isNaN(refreshedMs) ? 0 : refreshedMs,
    };
  } catch (error) {
    if (error instanceof JsonShapeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function format(holder: LockHolder, token: string): string {
  const { pid, start, boot, host, pidNamespace, refreshedMs } = holder;
  const refreshed = new Date(refreshedMs).toISOString();
  const lock = { v: 1, pid, start, boot, host, pid_namespace: pidNamespace, refreshed_at: refreshed, token };
  return `${JSON.stringify(lock)}\n`;
}

function busyMessage(dir: string, holder: LockHolder | undefined): string {
  return `another upload from ${dir} is under way${who(holder)}; try again when it has ended, or wait for it`;
}

function who(holder: LockHolder | undefined): string {
  if (!holder) return "";
  const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
  return ` (process ${holder.pid}${where})`;
}
