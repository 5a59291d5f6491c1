import { join } from "node:path";
import type { JournalFs } from "@promferry/core/journal";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { formatLedger, parseLedger } from "./ledger-json.ts";
import { type RememberingDestination, recallAdmitted, withAdmitted } from "./remember.ts";
import { readStateFile, replaceStateFile } from "./state-file.ts";

/** The ledger's file name inside the journal's directory. */
export const LEDGER_FILE = ".uploaded";

/** The ledger of one directory, and its changes one after the other. */
export interface LedgerStore {
  readonly ledger: Ledger;
  /** Resolves when the change is on the disk. A change that fails is not taken. */
  change(edit: (ledger: Ledger) => Ledger): Promise<void>;
  /** Resolves when all that projections let through is on the disk, as it is after each change. */
  remember(): Promise<void>;
  /** A change that need not be on the disk before another one is. */
  stage(edit: (ledger: Ledger) => Ledger): Promise<void>;
}

/**
 * Reads the ledger without any right to change it.
 *
 * @throws {LedgerError} It cannot be read, or is damaged or of another version.
 */
export async function readLedger(dir: string, fs: JournalFs): Promise<Ledger> {
  const path = join(dir, LEDGER_FILE);
  const text = await readStateFile(fs, path);
  return text === undefined ? emptyLedger : parseLedger(text, path);
}

export interface LedgerStoreOptions {
  readonly dir: string;
  readonly fs: JournalFs;
  readonly start: Ledger;
  /** Called before each write; a rejection keeps the write from happening. */
  readonly beforeWrite: () => Promise<void>;
  /** Their projections go on from what the ledger has, and each change has what they decided since. */
  readonly destinations: readonly RememberingDestination[];
}

export function createLedgerStore(options: LedgerStoreOptions): LedgerStore {
  const { dir, fs, start, beforeWrite, destinations } = options;
  const path = join(dir, LEDGER_FILE);
  recallAdmitted(start, destinations);
  let ledger = start;
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  const put = async (changed: Ledger) => {
    await beforeWrite();
    await replaceStateFile(fs, path, formatLedger(changed));
    ledger = changed;
  };
  return {
    get ledger() {
      return ledger;
    },
    change: (edit) => inTurn(async () => put(withAdmitted(edit(ledger), destinations))),
    remember: () =>
      inTurn(async () => {
        const changed = withAdmitted(ledger, destinations);
        if (changed !== ledger) await put(changed);
      }),
    stage: (edit) =>
      inTurn(async () => {
        ledger = withAdmitted(edit(ledger), destinations);
      }),
  };
}

/** A store that keeps its changes to itself, for a dry run. */
export function createMemoryStore(
  start: Ledger,
  destinations: readonly RememberingDestination[],
): LedgerStore {
  let ledger = start;
  recallAdmitted(start, destinations);
  const change = async (edit: (ledger: Ledger) => Ledger) => {
    ledger = edit(ledger);
  };
  return {
    get ledger() {
      return ledger;
    },
    change,
    remember: async () => {},
    stage: change,
  };
}
