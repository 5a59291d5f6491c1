import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Journal } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import {
  CONSENT_FILE,
  disabledRecord,
  forgettingRecord,
  readConsent,
  writeConsent,
} from "@promferry/privacy";
import { isOwnLeftover, OWN_FOLDERS, type OwnFile, ownFile } from "./journal-files.ts";
import { acquireLock } from "./lock.ts";
import type { ProcessTable } from "./lock-holder.ts";
import { errorCode } from "./state-file.ts";
import { nodeUploadFs, type UploadFs } from "./upload-fs.ts";

/** The file system as `forget` uses it. */
export interface ForgetFs extends UploadFs {
  /** Removes an empty directory; fails with `ENOTEMPTY` otherwise. */
  removeDirectory(path: string): Promise<void>;
}

/** The real file system. */
export const nodeForgetFs: ForgetFs = { ...nodeUploadFs, removeDirectory: rmdir };

export interface ForgetOptions {
  readonly journal: Journal;
  /** How it was said, in words; no name of a person. */
  readonly by: string;
  /**
   * Called once, after a no was put in place and before anything is erased: for what can be deleted elsewhere
   * with what is still here. What it throws ends `forget`.
   */
  readonly deleteRemote?: () => Promise<void>;
  readonly fs?: ForgetFs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** How long to wait for an upload to end, in milliseconds. Default 0. */
  readonly waitMs?: number;
  /** Ends it between two files; then the no stands, and the next call goes on. */
  readonly signal?: AbortSignal;
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly processes?: ProcessTable;
}

/** What was erased, and what was not. Paths are inside the journal's directory. */
export interface ForgetReceipt {
  readonly dir: string;
  readonly erased: readonly ErasedFile[];
  /** Frames, sessions and days that the journal held, as far as it could be read. */
  readonly frames: number;
  readonly sessions: number;
  readonly days: readonly string[];
  /** Whether a no that was said before still stands, as the only file that is left of ours. */
  readonly keptRefusal: boolean;
  /** Ours, and not to be removed. As long as there is one, the no stands and `forget` can be called again. */
  readonly left: readonly { readonly file: string; readonly reason: string }[];
  /** Files that aren't ours. */
  readonly foreign: readonly string[];
}

export interface ErasedFile {
  readonly file: string;
  readonly kind: OwnFile;
  readonly bytes: number;
}

/** A collector that was just about to write may make a file once more; so long is waited for it. */
const LATE_WRITE_MS = 250;
const MOST_PASSES = 20;

/** What answers the question "may this be sent?" goes last. */
const ORDER: readonly OwnFile[] = ["data", "ledger", "identity"];

/**
 * Erases everything of ours in a journal's directory: day files, totals, ledger, catalogues, quarantine, rejected
 * samples, identity and consent. Files that aren't ours stay.
 *
 * First a no takes the place of whatever was decided, and only after everything else is gone it goes as well: a
 * process that dies half-way leaves a journal that nobody writes to and nothing leaves from, and the next call ends
 * what it began. A no that the user had said before stays.
 *
 * @throws {UploadBusyError} An upload is under way; nothing was erased.
 * @throws {LedgerError} The directory can't be listed or locked; nothing was erased.
 * @throws What `deleteRemote` threw, or the reason of `signal`.
 */
export async function forget(options: ForgetOptions): Promise<ForgetReceipt> {
  const { journal, by, deleteRemote, fs = nodeForgetFs, now = Date.now, waitMs, signal, processes } = options;
  const { sleep = async (ms) => void (await delay(ms)) } = options;
  const { dir } = journal;
  const empty = { dir, erased: [], frames: 0, sessions: 0, days: [], keptRefusal: false, left: [] };
  const found = await listFiles(dir, fs);
  if (found.own.length === 0) return { ...empty, foreign: found.foreign };
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
    const content = await contentOf(journal);
    const before = forgettingRecord(readConsent(dir), { nowMs: now(), by });
    await writeConsent(dir, before, fs);
    await deleteRemote?.();
    const { erased, left } = await eraseAll(dir, fs, {
      async guard() {
        signal?.throwIfAborted();
        await lock.check();
      },
      wait: () => sleep(LATE_WRITE_MS, signal),
    });
    const keptRefusal = before.refused === true;
    if (left.length === 0) {
      if (keptRefusal) await writeConsent(dir, disabledRecord({ nowMs: now(), by }), fs);
      else erased.push(await erase(dir, fs, { file: CONSENT_FILE, kind: "consent" }));
      await fs.syncDirectory(dir);
    }
    const { foreign } = await listFiles(dir, fs);
    return { ...empty, ...content, erased, left, keptRefusal, foreign };
  } finally {
    await lock.release();
  }
}

interface OwnPath {
  readonly file: string;
  readonly kind: OwnFile;
}

interface Listing {
  readonly own: readonly OwnPath[];
  /** Ours, where they are. */
  readonly folders: readonly string[];
  readonly foreign: readonly string[];
}

async function listFiles(dir: string, fs: ForgetFs): Promise<Listing> {
  const own: OwnPath[] = [];
  const folders: string[] = [];
  const foreign: string[] = [];
  for (const name of [...(await namesIn(dir, fs))].sort()) {
    const kind = await kindOf(dir, name, fs);
    if (kind !== undefined) own.push({ file: name, kind });
    else if (!OWN_FOLDERS.includes(name)) foreign.push(name);
    else {
      folders.push(name);
      for (const inner of await namesIn(join(dir, name), fs)) {
        const file = join(name, inner);
        if (isOwnLeftover(name, inner)) own.push({ file, kind: "data" });
        else foreign.push(file);
      }
    }
  }
  return { own, folders, foreign };
}

/** What it is of ours; a folder is none, whatever it is called. */
async function kindOf(dir: string, name: string, fs: ForgetFs): Promise<OwnFile | undefined> {
  const kind = ownFile(name);
  if (kind === undefined) return undefined;
  const isFolder = await fs.stat(join(dir, name)).then(
    ({ isDirectory }) => isDirectory === true,
    () => false,
  );
  return isFolder ? undefined : kind;
}

/** In the order in which nothing is left that could be sent without what forbids it. */
async function eraseAll(
  dir: string,
  fs: ForgetFs,
  { guard, wait }: { readonly guard: () => Promise<void>; readonly wait: () => Promise<void> },
): Promise<{ erased: ErasedFile[]; left: ForgetReceipt["left"] }> {
  const erased = new Map<string, ErasedFile>();
  const left = new Map<string, string>();
  let hasWaited = false;
  for (let pass = 0; pass < MOST_PASSES; pass++) {
    const { own, folders } = await listFiles(dir, fs);
    const going = own.filter(({ file, kind }) => (isGoing(kind) || isSpare(file)) && !left.has(file));
    for (const each of going.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))) {
      await guard();
      try {
        const { bytes } = await erase(dir, fs, each);
        erased.set(each.file, { ...each, bytes: (erased.get(each.file)?.bytes ?? 0) + bytes });
      } catch (error) {
        left.set(each.file, shortly(error));
      }
    }
    if (going.length > 0) continue;
    if (erased.size > 0 && !hasWaited) {
      await wait();
      hasWaited = true;
      continue;
    }
    for (const folder of folders) {
      const inFolder = join(dir, folder);
      await fs.syncDirectory(inFolder);
      await fs.removeDirectory(inFolder).catch(() => {});
    }
    await fs.syncDirectory(dir);
    break;
  }
  return { erased: [...erased.values()], left: Array.from(left, ([file, reason]) => ({ file, reason })) };
}

function isGoing(kind: OwnFile): boolean {
  return ORDER.includes(kind);
}

/** A consent file that never got its name. */
function isSpare(file: string): boolean {
  return ownFile(file) === "consent" && file !== CONSENT_FILE;
}

async function erase(dir: string, fs: ForgetFs, { file, kind }: OwnPath): Promise<ErasedFile> {
  const path = join(dir, file);
  const { sizeBytes } = await fs.stat(path).catch(() => ({ sizeBytes: 0 }));
  try {
    await fs.unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  return { file, kind, bytes: sizeBytes };
}

async function contentOf(journal: Journal): Promise<Pick<ForgetReceipt, "frames" | "sessions" | "days">> {
  try {
    const { frames, files } = await journal.index();
    return {
      frames: frames.length,
      sessions: new Set(frames.map(({ header }) => header.session)).size,
      days: [...new Set(files.map(({ day }) => day))].sort(),
    };
  } catch (error) {
    // What can't be read is erased all the same.
    if (errorCode(error) === undefined) throw error;
    return { frames: 0, sessions: 0, days: [] };
  }
}

async function namesIn(dir: string, fs: ForgetFs): Promise<readonly string[]> {
  try {
    return await fs.readDirectory(dir);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function shortly(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 200);
}
