/** Reading labels: few, well named, printable. */
import type { DocumentReader } from "./document.ts";
import { LIMITS, RESERVED_LABELS } from "./policy.ts";

/** What a label's name may be: never `__…`, so it cannot steer a scrape. */
export const LABEL_NAME: string = `[a-z][a-z0-9_]{0,${LIMITS.labelName - 1}}`;

const NAME = new RegExp(`^${LABEL_NAME}$`);
// Letters, marks, numbers, punctuation, symbols and the plain space: no controls, no invisible or bidirectional
// formatting, no private use, and no lone surrogates.
const VALUE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** The document's `labels`, sorted by name; absent is the same as none. */
export function readLabels(reader: DocumentReader): Readonly<Record<string, string>> {
  const input = reader.field("labels");
  if (input === undefined) return {};
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    reader.problem("labels", "an object");
    return {};
  }
  const entries = Object.entries(input).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length > LIMITS.labels) {
    reader.problem("labels", `at most ${LIMITS.labels} labels`, `${entries.length} labels`);
    return {};
  }
  const labels = reader.object(["labels"], input, Object.keys(input));
  for (const [name, value] of entries) {
    if (!NAME.test(name)) labels.problem(name, `a name like ${LABEL_NAME}`, name);
    else if (RESERVED_LABELS.includes(name)) {
      labels.problem(name, `a name other than ${RESERVED_LABELS.join(", ")}`, name);
    }
    if (!isLabelValue(value)) {
      labels.problem(name, `1 to ${LIMITS.labelValue} bytes, printable, no space at either end`);
    }
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function isLabelValue(value: unknown): value is string {
  if (typeof value !== "string" || value.length > LIMITS.labelValue) return false;
  return VALUE.test(value) && value.trim() === value && Buffer.byteLength(value) <= LIMITS.labelValue;
}
