import type { Label } from "../series/series.ts";
import type { PageReader } from "./page-reader.ts";

/** The labels of one sample as they are read: in order of appearance, each name once. */
export interface LabelList {
  readonly labels: Label[];
  /** Offsets of the names, for {@link repeatLabel}. */
  readonly offsets: number[];
  /** Offsets of the values, for what is found wrong with them later. */
  readonly valueOffsets: number[];
  /** Offsets behind the values. */
  readonly ends: number[];
}

export function createLabelList(): LabelList {
  return { labels: [], offsets: [], valueOffsets: [], ends: [] };
}

/**
 * Adds a label that ends here.
 *
 * @throws {ExpositionError} The name stands there already, or the list is full.
 */
export function addLabel(
  list: LabelList,
  label: Label,
  reader: PageReader,
  offsets: { readonly name: number; readonly value: number },
): void {
  const { maxLabels } = reader.limits;
  if (list.labels.length >= maxLabels) {
    reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${maxLabels} labels`, offsets.name);
  }
  for (const known of list.labels) {
    if (known.name === label.name) {
      reader.fail("ERR_EXPOSITION_DUPLICATE", "expected each label name once", offsets.name);
    }
  }
  list.labels.push(label);
  list.offsets.push(offsets.name);
  list.valueOffsets.push(offsets.value);
  list.ends.push(reader.at);
}

/**
 * Adds the label that begins here and goes behind it, if the line before had the same bytes as its label
 * of the same number: neighbours share most labels, and then share their strings.
 *
 * @param before Read under the same rules: the same bytes mean the same label.
 * @returns Whether it did; nothing has been read otherwise.
 * @throws {ExpositionError} As {@link addLabel}.
 */
export function repeatLabel(list: LabelList, before: LabelList, reader: PageReader): boolean {
  const i = list.labels.length;
  const label = before.labels[i];
  if (label === undefined) return false;
  const { bytes, at } = reader;
  const start = before.offsets[i]!;
  const length = before.ends[i]! - start;
  // From the end: names are most often alike.
  for (let k = length - 1; k >= 0; k--) if (bytes[start + k] !== bytes[at + k]) return false;
  reader.at = at + length;
  addLabel(list, label, reader, { name: at, value: at + before.valueOffsets[i]! - start });
  return true;
}
