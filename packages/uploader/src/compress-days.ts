import {
  compressDay,
  isPacked,
  type Journal,
  type JournalFile,
  packedName,
  segmentPlace,
} from "@promferry/core/journal";
import { withCopiedFile, withoutFiles } from "./ledger.ts";
import type { LedgerStore } from "./ledger-store.ts";

export interface CompressDaysOptions {
  readonly journal: Journal;
  /** Of an index of the journal; what is open or compressed already is passed over. */
  readonly files: readonly JournalFile[];
  readonly store: LedgerStore;
  /** Rejects when this process may no longer change the directory. */
  readonly guard: () => Promise<void>;
}

/**
 * Compresses the closed days. A day that can't be, because of damage in it or a full disk, stays as it
 * is and is tried again at the next upload.
 *
 * @returns The names that the compressed files have now.
 * @throws {LedgerError}
 */
export async function compressDays(options: CompressDaysOptions): Promise<readonly string[]> {
  const { journal, store, guard } = options;
  const present = new Set(options.files.map(({ name }) => name));
  const compressed: string[] = [];
  for (const file of options.files) {
    // A segment is gone as soon as it is settled.
    const isSegment = segmentPlace(file.name) !== undefined;
    if (!file.closed || isPacked(file.name) || isSegment || file.error !== undefined) continue;
    const name = packedName(file.name);
    const isFirst = !present.has(name);
    await guard();
    // Before it has the name, so that no crash separates a day from its summary.
    if (isFirst) await store.change((ledger) => withCopiedFile(ledger, file.name, name));
    const result = await compressDay(journal, file).catch(() => "kept" as const);
    if (result === "compressed") compressed.push(name);
    const gone = result === "compressed" ? file.name : name;
    if (isFirst || result === "compressed")
      await store.change((ledger) => withoutFiles(ledger, new Set([gone])));
  }
  return compressed;
}
