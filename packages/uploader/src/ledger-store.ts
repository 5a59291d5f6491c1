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
}

/**
 * Reads the ledger without any right to change it.
 *
 * @throws {LedgerError} It cannot be read, or is not ledger v1.
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
  return {
    get ledger() {
      return ledger;
    },
    change(edit) {
      const write = async () => {
        const changed = edit(ledger);
        await beforeWrite();
        await replaceStateFile(fs, path, formatLedger(changed));
        ledger = changed;
      };
      const done = last.then(write);
      last = done.catch(() => {});
      return done;
    },
  };
}

/** A store that keeps its changes to itself, for a dry run. */
export function createMemoryStore(start: Ledger): LedgerStore {
  let ledger = start;
  return {
    get ledger() {
      return ledger;
    },
    async change(edit) {
      ledger = edit(ledger);
    },
  };
}
