import { Buffer } from "node:buffer";
import type { FamilyMetadata, Series } from "@promferry/core/series";
import type { SymbolEntry } from "./series-strings.ts";

type Metadata = Pick<FamilyMetadata, "type" | "help" | "unit">;

/**
 * What the last message made of its series, up to the first one that is more than a column of numbers. A message that
 * begins with the same series in the same order has the same symbols in the same order so far, so that their references
 * are the same bytes.
 */
export class LastMessage {
  readonly #series: Series[] = [];
  /** Copies: a family may be a page's, with all its columns. */
  readonly #families: Metadata[] = [];
  /** By series: where its references to labels and its metadata end in {@link fields}, and its symbols in the table. */
  readonly labelEnds: number[] = [];
  readonly metadataEnds: number[] = [];
  readonly #tableEnds: number[] = [];
  /** Of the series, one behind the other. */
  fields: Buffer = Buffer.alloc(0);
  /** The table, which the message may still add to. */
  entries: readonly SymbolEntry[] = [];
  /** Its bytes; undefined until the message is complete. */
  table: Uint8Array | undefined;

  get seriesCount(): number {
    return this.#series.length;
  }

  has(index: number, series: Series, family: FamilyMetadata): boolean {
    if (this.#series[index] !== series) return false;
    return isSame(this.#families[index]!, family);
  }

  /** Where the fields of a series begin. */
  start(index: number): number {
    return index === 0 ? 0 : this.metadataEnds[index - 1]!;
  }

  /** How many symbols the first `count` series needed; 1 before the first, the empty string. */
  symbolCount(count: number): number {
    return count === 0 ? 1 : this.#tableEnds[count - 1]!;
  }

  /** Forgets all but the first `count` series; others follow in a message with this table. */
  cut(count: number, entries: readonly SymbolEntry[]): void {
    this.entries = entries;
    this.table = undefined;
    for (const list of [this.#series, this.#families, this.labelEnds, this.metadataEnds, this.#tableEnds]) {
      list.length = Math.min(list.length, count);
    }
  }

  /** Of the next series: the bytes of both, and how many symbols there are with it. */
  add(
    series: Series,
    family: FamilyMetadata,
    labels: Uint8Array,
    metadata: Uint8Array,
    symbolCount: number,
  ): void {
    const start = this.start(this.#series.length);
    const end = start + labels.length + metadata.length;
    if (end > this.fields.length) {
      const larger = Buffer.alloc(2 * end);
      this.fields.copy(larger, 0, 0, start);
      this.fields = larger;
    }
    this.fields.set(labels, start);
    this.fields.set(metadata, start + labels.length);
    this.#series.push(series);
    const before = this.#families.at(-1);
    const { type, help, unit } = family;
    this.#families.push(before !== undefined && isSame(before, family) ? before : { type, help, unit });
    this.labelEnds.push(start + labels.length);
    this.metadataEnds.push(end);
    this.#tableEnds.push(symbolCount);
  }
}

function isSame(a: Metadata, b: Metadata): boolean {
  return a.type === b.type && a.help === b.help && a.unit === b.unit;
}
