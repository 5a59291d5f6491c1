import { type Series, SeriesMap } from "@promferry/core/series";
import { MessageBuffer } from "../protobuf/message-buffer.ts";
import { type CheckedLabels, findLabelProblem, hashOf, sortedLabels } from "../validation/label-problem.ts";
import { LastMessage } from "./last-message.ts";
import { SYMBOL } from "./schema.ts";

/** A string as it stands in symbols tables; within one cache a string is one object. */
export interface SymbolEntry {
  /** The field of a table. */
  readonly bytes: Uint8Array;
  /** The table that it stood in last, by the number from {@link StringCache.nextTable}. */
  table: number;
  /** Its place there. */
  ref: number;
}

/** A label; within one cache a name and a value are one object. */
export interface LabelEntry {
  readonly name: SymbolEntry;
  readonly value: SymbolEntry;
  /** The table that both stood in last. */
  table: number;
  /** Both references as they are written, the first byte in the lowest eight bits … */
  packedRefs: number;
  /** … and how many bytes they take; 0 where they don't fit into four. */
  packedLength: number;
}

/** What 2.0 sends of one series besides its samples and metadata. */
export interface SeriesStrings extends CheckedLabels {
  /** In the order of the names; empty when there is a problem. */
  readonly labels: readonly LabelEntry[];
}

/**
 * Checks by the rules of 2.0 and sorts the labels of each {@link Series} object once; kept for as long as any series of
 * its dictionary is, and in the last message. Strings that no table has needed for long are let go.
 */
export interface StringCache {
  of(series: Series): SeriesStrings;
  symbol(text: string): SymbolEntry;
  /** The number of a new table. */
  nextTable(): number;
  /** Where messages are put together; as long as the longest one. */
  readonly buffer: MessageBuffer;
  /** Bytes of the longest table so far. */
  tableBytes: number;
  readonly last: LastMessage;
}

/**
 * An empty cache.
 *
 * @param keptLabels Below so many nothing is let go.
 */
export function createStringCache(keptLabels: number = 100_000): StringCache {
  const known = new SeriesMap<SeriesStrings>();
  const symbols = new Map<string, SymbolEntry>();
  const labels = new Map<string, LabelEntry>();
  const scratch = new MessageBuffer();
  const last = new LastMessage();
  let table = 0;
  let lastSweep = 0;
  let sweepAbove = keptLabels;
  // Exemplars have strings that no label of a series has, mostly new ones.
  let sweepSymbolsAbove = 2 * keptLabels;

  function symbol(text: string): SymbolEntry {
    let entry = symbols.get(text);
    if (!entry) {
      entry = { bytes: encodeSymbol(text, scratch), table: 0, ref: 0 };
      symbols.set(text, entry);
    }
    return entry;
  }

  function labelEntry(name: string, value: string): LabelEntry {
    const key = `${name.length}:${name}${value}`;
    let entry = labels.get(key);
    if (!entry) {
      entry = { name: symbol(name), value: symbol(value), table: 0, packedRefs: 0, packedLength: 0 };
      labels.set(key, entry);
    }
    return entry;
  }

  function seriesStrings(series: Series): SeriesStrings {
    const problem = findLabelProblem(series.name, series.labels, 2);
    if (problem) return { problem, hash: 0, labels: [] };
    const sorted = sortedLabels(series);
    const entries = sorted.map(({ name, value }) => labelEntry(name, value));
    return { problem, hash: hashOf(sorted), labels: entries };
  }

  /** What stood in no table since the last sweep is gone, and with it whatever refers to it. */
  function sweep(): void {
    for (const [text, entry] of symbols) if (entry.table <= lastSweep) symbols.delete(text);
    for (const [key, entry] of labels) if (entry.table <= lastSweep) labels.delete(key);
    known.clear();
    last.cut(0, []);
    lastSweep = table;
    sweepAbove = Math.max(keptLabels, 2 * labels.size);
    sweepSymbolsAbove = Math.max(2 * keptLabels, 2 * symbols.size);
  }

  return {
    buffer: new MessageBuffer(),
    tableBytes: 0,
    last,
    of(series) {
      let strings = known.get(series);
      if (!strings) {
        strings = seriesStrings(series);
        known.set(series, strings);
      }
      return strings;
    },
    symbol,
    nextTable() {
      if (labels.size > sweepAbove || symbols.size > sweepSymbolsAbove) sweep();
      return ++table;
    },
  };
}

function encodeSymbol(text: string, out: MessageBuffer): Uint8Array {
  out.clear();
  out.putText(SYMBOL, text);
  return new Uint8Array(out.written());
}
