import type { SeriesDictionary } from "../series/dictionary.ts";
import type { Label, MetricType, Series } from "../series/series.ts";
import { addSample, createDraft, type FamilyDraft } from "./family-draft.ts";
import { addLabel, createLabelList, type LabelList, repeatLabel } from "./label-list.ts";
import { formatCanonical, parseInt64, parseNumber } from "./number.ts";
import { byte, endOfPage, isBlank, isNameByte, type PageReader } from "./page-reader.ts";
import type { NameMark, ParserMemory, TextLine, TimedMark } from "./parser-memory.ts";
import { PlainTail } from "./plain-tail.ts";

// A map, since an object also has what stands on its prototype: a page may say `# TYPE x constructor`.
const typeOf: ReadonlyMap<string, MetricType> = new Map([
  ["counter", "counter"],
  ["gauge", "gauge"],
  ["histogram", "histogram"],
  ["summary", "summary"],
  ["untyped", "unknown"],
]);

type Line = TextLine<TimedMark>;

interface Page {
  readonly reader: PageReader;
  readonly dictionary: SeriesDictionary;
  readonly memory: ParserMemory<Line, TimedMark>;
  /** Metadata by the name it was given for; the last TYPE and HELP line of a name counts. */
  readonly drafts: Map<NameMark, FamilyDraft>;
  /** Names in order of appearance: of metadata, and of samples. */
  readonly mentions: { readonly name: NameMark; readonly offset: number }[];
  /** The samples in columns, in order of appearance. */
  readonly names: NameMark[];
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  readonly tail: PlainTail;
  readonly onRepeated: ((series: Series) => void) | undefined;
  /** Of the last sample that was read from its text, under the type that still is the last one. */
  labels: LabelList;
  /** Of the last TYPE line, whatever name it was for: Prometheus rewrites `le` and `quantile` by it. */
  lastType: MetricType;
}

/**
 * Text format 0.0.4 with the verdict of a Prometheus 3.5 that scrapes it, and with the samples it
 * would store: a repeated series at the same time counts once, the first one, and `le` and
 * `quantile` are in canonical form.
 *
 * @see Prometheus 3.5, model/textparse and scrape
 */
export function readScrapeText(
  reader: PageReader,
  dictionary: SeriesDictionary,
  memory: ParserMemory<Line, TimedMark>,
  onRepeated: ((series: Series) => void) | undefined,
): FamilyDraft[] {
  const page: Page = {
    reader,
    dictionary,
    memory,
    drafts: new Map(),
    mentions: [],
    names: [],
    series: [],
    values: [],
    timestampsMs: [],
    tail: new PlainTail(reader.bytes),
    onRepeated,
    labels: createLabelList(),
    lastType: "unknown",
  };
  while (readLines(page));
  return group(page);
}

/**
 * Whether there may be more lines. No more than some at once: a function that is called often is compiled at leisure, a
 * loop that does not end in the midst of its first page (measured).
 */
function readLines(page: Page): boolean {
  const { reader } = page;
  for (let i = 0; i < 32; i++) {
    if (!skipKnownLines(page)) return false;
    if (readPlainSample(page)) continue;
    reader.checkLineLength();
    reader.skipBlanks();
    const b = reader.peek();
    if (b === endOfPage) return false;
    if (b === byte.lineFeed) reader.at++;
    else if (b === byte.hash) readComment(page);
    else readSample(page);
  }
  return true;
}

/**
 * Reads lines whose bytes, up to the value, were found right on an earlier page. True where a line begins behind them;
 * of a line where there is anything more to judge than the value, nothing has been read. All in one function, so that it
 * is compiled once (measured).
 */
function skipKnownLines(page: Page): boolean {
  const { reader, memory, tail } = page;
  const { lines } = memory;
  while (reader.startLine()) {
    const line = lines?.find(reader.at);
    if (line === undefined) return true;
    const end = reader.at + line.length;
    if (line.kind !== "sample") {
      takeMetadata(page, line);
      if (!reader.endPlainLine(end)) return true;
      continue;
    }
    const { mark, name, type } = line;
    if (mark.page === memory.page || type !== page.lastType) return true;
    if (memory.seriesCount >= reader.limits.maxSeries) return true;
    if (!tail.read(reader.bytes, end, false) || !reader.endPlainLine(tail.end)) return true;
    takeSample(page, name, mark, tail.value, tail.timestamp);
  }
  return false;
}

/**
 * Reads a sample whose line is of the plain form. False where there is anything more to judge; what has been read then
 * is read again, with the same outcome.
 */
function readPlainSample(page: Page): boolean {
  const { reader, memory, tail, dictionary, lastType: type } = page;
  const { head } = memory;
  const offset = reader.at;
  if (!head.read(reader) || reader.bytes[head.end] !== byte.space) return false;
  if (!tail.read(reader.bytes, head.end + 1, false)) return false;
  const name = memory.nameOf(head.name);
  const series =
    type === "histogram" || type === "summary"
      ? dictionary.intern(name.text, normalizeBounds(type, head.labels))
      : head.intern(dictionary, name.text);
  const mark = memory.markOf(series);
  if (mark.page === memory.page || memory.seriesCount >= reader.limits.maxSeries) return false;
  if (!reader.endPlainLine(tail.end)) return false;
  takeSample(page, name, mark, tail.value, tail.timestamp);
  memory.lines?.remember(offset, head.end + 1, {
    next: undefined,
    start: 0,
    length: 0,
    kind: "sample",
    mark,
    name,
    type,
  });
  return true;
}

function readComment(page: Page): void {
  const reader: PageReader = page.reader;
  const offset = reader.at;
  reader.at++;
  const keyword = isBlank(reader.peek()) ? readKeyword(reader) : undefined;
  if (keyword === undefined) {
    endLine(reader);
    return;
  }
  const nameOffset = reader.at;
  const name =
    reader.peek() === byte.quote
      ? reader.readQuoted("metric name", "lenient", true)
      : reader.readPlainName(true);
  reader.checkNameLength(nameOffset);
  if (name === "") reader.fail("ERR_EXPOSITION_NAME", `expected a metric name after ${keyword}`, nameOffset);
  // One byte stands between name and text, whichever but NUL it is; a text of blanks only is none.
  const start = reader.at;
  if (reader.peek() === 0) reader.fail("ERR_EXPOSITION_SYNTAX", "expected a blank after the metric name");
  const end = reader.lineEnd();
  const blank = /^[ \t]*$/.test(reader.text(start, end));
  const text = blank ? "" : reader.text(start + 1, end);
  const mark = page.memory.nameOf(name);
  let line: Line;
  if (keyword === "TYPE") {
    const type =
      typeOf.get(text) ??
      reader.fail(
        "ERR_EXPOSITION_VALUE",
        "expected counter, gauge, histogram, summary or untyped",
        Math.min(start + 1, end),
      );
    line = { next: undefined, start: 0, length: 0, kind: "TYPE", name: mark, type };
  } else {
    const cutsCharacter = ((reader.bytes[start + 1] ?? 0) & 0xc0) === 0x80;
    if (cutsCharacter) reader.failAtInvalidUtf8("help text", start + 1, end);
    reader.checkUtf8(Math.min(start + 1, end), end, "help text");
    const help = blank ? "" : reader.unescaped(start + 1, end, false);
    line = { next: undefined, start: 0, length: 0, kind: "HELP", name: mark, help };
  }
  takeMetadata(page, line);
  endLine(reader);
  page.memory.lines?.remember(offset, reader.at, line);
}

function takeMetadata(page: Page, line: Exclude<Line, { kind: "sample" }>): void {
  const draft = draftOf(page, line.name);
  if (line.kind === "HELP") {
    draft.help = line.help;
  } else {
    draft.type = line.type;
    page.lastType = line.type;
    page.labels = createLabelList();
  }
}

/**
 * HELP or TYPE with a blank behind it; stands at the name afterwards. Prometheus' lexer passes over NUL bytes behind
 * any byte of the keyword and of the blanks.
 */
function readKeyword(reader: PageReader): "HELP" | "TYPE" | undefined {
  reader.skipBlanks();
  const { bytes } = reader;
  let at = reader.at;
  let keyword = "";
  while (keyword.length < 4 && at < bytes.length) {
    keyword += String.fromCharCode(bytes[at]!);
    at = afterNulBytes(bytes, at + 1);
  }
  if (keyword !== "HELP" && keyword !== "TYPE") return undefined;
  if (!isBlank(bytes[at] ?? endOfPage)) return undefined;
  while (isBlank(bytes[at] ?? endOfPage)) at = afterNulBytes(bytes, at + 1);
  reader.at = at;
  return keyword;
}

function afterNulBytes(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0) at++;
  return at;
}

function readSample(page: Page): void {
  const reader: PageReader = page.reader;
  const offset = reader.at;
  const type = page.lastType;
  const list = createLabelList();
  let name: string | undefined;
  if (isNameByte(reader.peek(), true, false)) {
    name = reader.readPlainName(true);
    reader.skipBlanks();
  } else if (reader.peek() !== byte.braceOpen) {
    reader.fail("ERR_EXPOSITION_NAME", "expected a metric name, '{', '#' or an empty line");
  }
  if (reader.peek() === byte.braceOpen) name = readLabels(page, list, name);
  if (!name) reader.fail("ERR_EXPOSITION_NAME", "expected a metric name in the braces", offset);

  reader.skipBlanks();
  const valueOffset = reader.at;
  const text = reader.readToken(byte.braceOpen);
  if (text === "") reader.fail("ERR_EXPOSITION_VALUE", "expected a value after the name");
  const value = parseNumber(text) ?? reader.fail("ERR_EXPOSITION_VALUE", "expected a number", valueOffset);
  const timestampMs = readTimestamp(reader);
  reader.skipBlanks();
  if (reader.peek() !== byte.lineFeed && reader.peek() !== endOfPage) {
    reader.fail("ERR_EXPOSITION_SYNTAX", "expected the end of the line");
  }
  endLine(reader);

  const { memory } = page;
  const nameMark = memory.nameOf(name);
  const mark = memory.markOf(page.dictionary.intern(nameMark.text, list.labels));
  if (isNew(page, mark, timestampMs, offset)) takeSample(page, nameMark, mark, value, timestampMs);
  else page.onRepeated?.(mark.series);
  memory.lines?.remember(offset, valueOffset, {
    next: undefined,
    start: 0,
    length: 0,
    kind: "sample",
    mark,
    name: nameMark,
    type,
  });
}

function readTimestamp(reader: PageReader): number {
  reader.skipBlanks();
  const offset = reader.at;
  for (let b = reader.peek(); b >= 0x30 && b <= 0x39; b = reader.peek()) reader.at++;
  if (reader.at === offset) {
    if (reader.peek() === byte.lineFeed || reader.peek() === endOfPage) return NaN;
    reader.fail(
      "ERR_EXPOSITION_VALUE",
      "expected a timestamp in milliseconds or the end of the line",
      offset,
    );
  }
  return (
    parseInt64(reader.text(offset, reader.at)) ??
    reader.fail("ERR_EXPOSITION_VALUE", "expected a timestamp of at most 63 bits", offset)
  );
}

/** Reads from brace to brace; gives the metric name, which may stand among the labels in quotes. */
function readLabels(page: Page, list: LabelList, outside: string | undefined): string | undefined {
  const reader: PageReader = page.reader;
  let name = outside;
  reader.at++;
  for (;;) {
    reader.skipBlanks();
    if (reader.peek() === byte.braceClose) break;
    if (repeatLabel(list, page.labels, reader)) {
      reader.skipBlanks();
      if (reader.peek() === byte.comma) reader.at++;
      continue;
    }
    const nameOffset = reader.at;
    const quoted = reader.peek() === byte.quote;
    const word = quoted ? reader.readQuoted("name", "lenient", true) : reader.readPlainName(false);
    reader.checkNameLength(nameOffset);
    if (word === "") reader.fail("ERR_EXPOSITION_SYNTAX", "expected a label name or '}'", nameOffset);
    reader.skipBlanks();
    const next = reader.peek();
    if (quoted && (next === byte.comma || next === byte.braceClose)) {
      if (name !== undefined) reader.fail("ERR_EXPOSITION_NAME", "expected one metric name", nameOffset);
      name = word;
      if (next === byte.braceClose) break;
      reader.at++;
      continue;
    }
    if (next !== byte.equals) reader.fail("ERR_EXPOSITION_SYNTAX", "expected '=' after the label name");
    if (word === "__name__") {
      reader.fail("ERR_EXPOSITION_NAME", "expected another label name, __name__ is reserved", nameOffset);
    }
    reader.at++;
    reader.skipBlanks();
    if (reader.peek() !== byte.quote) {
      reader.fail("ERR_EXPOSITION_SYNTAX", "expected '\"' before the label value");
    }
    const valueOffset = reader.at;
    const value = normalizeBound(page.lastType, word, reader.readQuoted("label value", "lenient", true));
    addLabel(list, { name: word, value }, reader, { name: nameOffset, value: valueOffset });
    reader.skipBlanks();
    if (reader.peek() === byte.comma) reader.at++;
  }
  reader.at++;
  page.labels = list;
  return name;
}

function normalizeBounds(type: MetricType, labels: readonly Label[]): readonly Label[] {
  return labels.map(({ name, value }) => ({ name, value: normalizeBound(type, name, value) }));
}

function normalizeBound(type: MetricType, name: string, value: string): string {
  const isBound = (type === "histogram" && name === "le") || (type === "summary" && name === "quantile");
  const bound = isBound ? parseNumber(value) : undefined;
  return bound === undefined ? value : formatCanonical(bound);
}

/** Goes to the next line; the last one needs no line feed. */
function endLine(reader: PageReader): void {
  reader.checkLineLength();
  reader.at = Math.min(reader.lineEnd() + 1, reader.bytes.length);
}

function draftOf(page: Page, name: NameMark): FamilyDraft {
  const known = page.drafts.get(name);
  if (known) return known;
  const draft = createDraft(name, page.reader.lineStart);
  page.drafts.set(name, draft);
  page.mentions.push({ name, offset: page.reader.lineStart });
  return draft;
}

/** Whether the series has no sample at this time yet. */
function isNew(page: Page, mark: TimedMark, timestampMs: number, offset: number): boolean {
  const { memory, reader } = page;
  if (mark.page !== memory.page) {
    if (memory.seriesCount >= reader.limits.maxSeries) {
      reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${reader.limits.maxSeries} series`, offset);
    }
    return true;
  }
  return !Object.is(mark.timestampMs, timestampMs) && !mark.moreMs?.has(timestampMs);
}

/** @param timestampMs One at which the series has no sample yet. */
function takeSample(page: Page, name: NameMark, mark: TimedMark, value: number, timestampMs: number): void {
  const { memory } = page;
  if (mark.page !== memory.page) {
    mark.page = memory.page;
    mark.timestampMs = timestampMs;
    mark.moreMs = undefined;
    memory.seriesCount++;
  } else {
    mark.moreMs ??= new Set();
    mark.moreMs.add(timestampMs);
  }
  if (name.page !== memory.page) {
    name.page = memory.page;
    page.mentions.push({ name, offset: page.reader.lineStart });
  }
  page.names.push(name);
  page.series.push(mark.series);
  page.values.push(value);
  page.timestampsMs.push(timestampMs);
}

const familySuffixes: Readonly<Partial<Record<MetricType, readonly string[]>>> = {
  counter: ["_total"],
  histogram: ["_bucket", "_count", "_sum"],
  summary: ["_count", "_sum"],
};

/** Metadata may come after the samples, so samples find their families at the end of the page. */
function group(page: Page): FamilyDraft[] {
  const { drafts, mentions, memory } = page;
  const ordered = new Set<FamilyDraft>();
  for (const { name, offset } of mentions) {
    let home = drafts.get(name) ?? familyBySuffix(drafts, memory, name);
    if (!home) {
      home = createDraft(name, offset);
      drafts.set(name, home);
    }
    name.family = home;
    ordered.add(home);
  }
  for (let i = 0; i < page.names.length; i++) {
    addSample(page.names[i]!.family!, page.series[i]!, page.values[i]!, page.timestampsMs[i]!);
  }
  return [...ordered];
}

function familyBySuffix(
  drafts: Map<NameMark, FamilyDraft>,
  memory: ParserMemory<Line, TimedMark>,
  name: NameMark,
): FamilyDraft | undefined {
  const base = memory.baseOf(name);
  const family = base && drafts.get(base);
  return family?.type && familySuffixes[family.type]?.includes(name.suffix) ? family : undefined;
}
