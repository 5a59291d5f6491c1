import type { Label } from "../series/series.ts";
import type { PageReader } from "./page-reader.ts";

/** The labels of one sample as they are read: in order of appearance, each name once. */
export interface LabelList {
  readonly labels: Label[];
  /** Offsets of the values, for what is found wrong with them later. */
  readonly valueOffsets: number[];
}

export function createLabelList(): LabelList {
  return { labels: [], valueOffsets: [] };
}

/** @throws {ExpositionError} The name stands there already, or the list is full. */
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
  list.valueOffsets.push(offsets.value);
}
