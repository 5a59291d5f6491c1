import { join } from "node:path";
import type { JournalFs } from "@promferry/core/journal";
import { emptyLedger, type Ledger } from "./ledger.ts";
import { formatLedger, parseLedger } from "./ledger-json.ts";
import { readStateFile, replaceStateFile } from "./state-file.ts";

/** The ledger's file name inside the journal's directory. */
export const LEDGER_FILE = ".uploaded";

/** The ledger of one directory, and its changes one after the other. */
export interface LedgerStore {
  readonly ledger: Ledger;
  /** Resolves when the change is on the disk. A change that fails is not taken. */
  change(edit: (ledger: Ledger) => Ledger): Promise<void>;
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

/**
 * @param beforeWrite Called before each write; a rejection keeps the write from happening.
 */
export function createLedgerStore(
  dir: string,
  fs: JournalFs,
  start: Ledger,
  beforeWrite: () => Promise<void>,
): LedgerStore {
  const path = join(dir, LEDGER_FILE);
  let ledger = start;
  let last: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>) => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  return {
    get ledger() {
      return ledger;
    },
    change: (edit) =>
      inTurn(async () => {
        const changed = edit(ledger);
        await beforeWrite();
        await replaceStateFile(fs, path, formatLedger(changed));
        ledger = changed;
      }),
    stage: (edit) =>
      inTurn(async () => {
        ledger = edit(ledger);
      }),
  };
}

/** A store that keeps its changes to itself, for a dry run. */
export function createMemoryStore(start: Ledger): LedgerStore {
  let ledger = start;
  const change = async (edit: (ledger: Ledger) => Ledger) => {
    ledger = edit(ledger);
  };
  return {
    get ledger() {
      return ledger;
    },
    change,
    stage: change,
  };
}
