import type { SeriesDictionary } from "../series/dictionary.ts";
import type { Label, MetricType } from "../series/series.ts";
import { addSample, createDraft, type FamilyDraft } from "./family-draft.ts";
import { addLabel, createLabelList, type LabelList, repeatLabel } from "./label-list.ts";
import { parseInt64, parseNumber } from "./number.ts";
import { byte, endOfPage, isBlank, isPlainName, type PageReader } from "./page-reader.ts";
import type { NameMark, ParserMemory, SeriesMark, TextLine } from "./parser-memory.ts";
import { PlainTail } from "./plain-tail.ts";

const typeOf: Readonly<Record<string, MetricType>> = {
  COUNTER: "counter",
  GAUGE: "gauge",
  SUMMARY: "summary",
  HISTOGRAM: "histogram",
  GAUGEHISTOGRAM: "gaugehistogram",
  GAUGE_HISTOGRAM: "gaugehistogram",
  UNTYPED: "unknown",
};

type Line = TextLine<SeriesMark>;

interface Page {
  readonly reader: PageReader;
  readonly dictionary: SeriesDictionary;
  readonly memory: ParserMemory<Line>;
  readonly families: FamilyDraft[];
  readonly tail: PlainTail;
  /** Of the last sample that was read from its text. */
  labels: LabelList;
}

/**
 * Text format 0.0.4 with the verdict of `promtool check metrics` 3.5: its parse errors, and its
 * finding `metric not unique`, are refusals here.
 *
 * @see Prometheus, "Exposition formats", and the parser of prometheus/common that promtool uses
 */
export function readPrometheusText(
  reader: PageReader,
  dictionary: SeriesDictionary,
  memory: ParserMemory<Line>,
): FamilyDraft[] {
  const page: Page = {
    reader,
    dictionary,
    memory,
    families: [],
    tail: new PlainTail(reader.bytes),
    labels: createLabelList(),
  };
  while (readLines(page));
  return page.families;
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
    const { name } = line;
    const family = name.page === memory.page ? name.family! : familyOf(page, name);
    let end = reader.at + line.length;
    if (line.kind === "sample") {
      const { mark, type } = line;
      if (mark.page === memory.page || type !== (family.type ?? "unknown")) return true;
      if (!tail.read(reader.bytes, end, false)) return true;
      if (tail.value < 0 && isHistogram(type)) return true;
      end = tail.end;
      if (memory.seriesCount >= reader.limits.maxSeries || !reader.endPlainLine(end)) return true;
      family.type = type;
      mark.page = memory.page;
      memory.seriesCount++;
      addSample(family, mark.series, tail.value, tail.timestamp);
      continue;
    }
    if (line.kind === "HELP") {
      if (family.help !== undefined) return true;
      family.help = line.help;
    } else {
      if (family.type !== undefined) return true;
      family.type = line.type;
    }
    if (!reader.endPlainLine(end)) return true;
  }
  return false;
}

/**
 * Reads a sample whose line is of the plain form. False where there is anything more to judge; what has been read then
 * is read again, with the same outcome.
 */
function readPlainSample(page: Page): boolean {
  const { reader, memory, tail, dictionary } = page;
  const { head } = memory;
  const offset = reader.at;
  if (!head.read(reader) || reader.bytes[head.end] !== byte.space) return false;
  if (!tail.read(reader.bytes, head.end + 1, false)) return false;
  const name = memory.nameOf(head.name);
  const family = familyOf(page, name);
  family.type ??= "unknown";
  const { type } = family;
  if (boundIn(type, head.labels) === null || (tail.value < 0 && isHistogram(type))) return false;
  const mark = memory.markOf(head.intern(dictionary, name.text));
  if (mark.page === memory.page || memory.seriesCount >= reader.limits.maxSeries) return false;
  if (!reader.endPlainLine(tail.end)) return false;
  mark.page = memory.page;
  memory.seriesCount++;
  addSample(family, mark.series, tail.value, tail.timestamp);
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
  const { memory } = page;
  const reader: PageReader = page.reader;
  const offset = reader.at;
  reader.at++;
  reader.skipBlanks();
  const keyword = reader.readToken();
  if (endsLine(reader)) return;
  if (keyword !== "HELP" && keyword !== "TYPE") {
    reader.at = reader.lineEnd();
    endsLine(reader);
    return;
  }
  reader.skipBlanks();
  const nameOffset = reader.at;
  const name = readName(reader, true);
  if (endsLine(reader)) return;
  if (!isBlank(reader.peek())) reader.fail("ERR_EXPOSITION_NAME", `expected a metric name after ${keyword}`);
  checkPlain(reader, name, true, nameOffset);
  const mark = memory.nameOf(name);
  const family = familyOf(page, mark);
  reader.skipBlanks();
  if (endsLine(reader)) return;
  let line: Line;
  if (keyword === "HELP") {
    if (family.help !== undefined) {
      reader.fail(
        "ERR_EXPOSITION_FAMILY",
        `expected one HELP line for ${JSON.stringify(family.name)}`,
        nameOffset,
      );
    }
    family.help = readHelp(reader);
    line = { next: undefined, start: 0, length: 0, kind: "HELP", name: mark, help: family.help };
  } else {
    if (family.type !== undefined) {
      const owner = JSON.stringify(family.name);
      reader.fail(
        "ERR_EXPOSITION_FAMILY",
        `expected one TYPE line for ${owner}, before its samples`,
        nameOffset,
      );
    }
    family.type = readType(reader);
    line = { next: undefined, start: 0, length: 0, kind: "TYPE", name: mark, type: family.type };
  }
  endsLine(reader);
  memory.lines?.remember(offset, reader.at, line);
}

function readHelp(reader: PageReader): string {
  const start = reader.at;
  const end = reader.lineEnd();
  if (!reader.bytes.subarray(start, end).includes(byte.backslash)) {
    reader.at = end;
    return reader.text(start, end);
  }
  for (let b = reader.peek(); b !== byte.lineFeed && b !== endOfPage; b = reader.peek()) {
    if (b === byte.backslash) reader.skipEscape("strict");
    else reader.at++;
  }
  return reader.unescaped(start, reader.at);
}

function readType(reader: PageReader): MetricType {
  const offset = reader.at;
  reader.at = reader.lineEnd();
  const type = typeOf[reader.text(offset, reader.at).toUpperCase()];
  return (
    type ??
    reader.fail(
      "ERR_EXPOSITION_VALUE",
      "expected counter, gauge, histogram, summary, gaugehistogram or untyped",
      offset,
    )
  );
}

function readSample(page: Page): void {
  const { dictionary, memory } = page;
  const reader: PageReader = page.reader;
  const offset = reader.at;
  let name: string | undefined;
  if (reader.peek() !== byte.braceOpen) {
    name = readName(reader, true);
    if (name === "") reader.fail("ERR_EXPOSITION_NAME", "expected a metric name");
    checkPlain(reader, name, true, offset);
    reader.skipBlanks();
  }
  const list = createLabelList();
  if (reader.peek() === byte.braceOpen) name = readLabels(page, list, name);
  if (name === undefined) reader.fail("ERR_EXPOSITION_NAME", "expected a metric name in the braces", offset);
  const nameMark = memory.nameOf(name);
  const family = familyOf(page, nameMark);
  family.type ??= "unknown";
  const bound = checkBound(reader, family.type, list);

  reader.skipBlanks();
  const valueOffset = reader.at;
  const text = reader.readToken();
  if (text === "") failAtValue(reader);
  const value = parseNumber(text) ?? reader.fail("ERR_EXPOSITION_VALUE", "expected a number", valueOffset);
  const isOwn = family.mark === nameMark || nameMark.suffix === "_bucket";
  const counts = isOwn ? bound !== undefined && !Number.isNaN(bound) : nameMark.suffix === "_count";
  if (isHistogram(family.type) && counts && value < 0) {
    reader.fail("ERR_EXPOSITION_VALUE", "expected no negative count in a histogram", valueOffset);
  }
  const timestampMs = endsLine(reader) ? NaN : readTimestamp(reader);

  const mark = memory.markOf(dictionary.intern(nameMark.text, list.labels));
  if (mark.page === memory.page) {
    reader.fail("ERR_EXPOSITION_DUPLICATE", "expected each series once", offset);
  }
  mark.page = memory.page;
  memory.seriesCount++;
  if (memory.seriesCount > reader.limits.maxSeries) {
    reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${reader.limits.maxSeries} series`, offset);
  }
  addSample(family, mark.series, value, timestampMs);
  memory.lines?.remember(offset, valueOffset, {
    next: undefined,
    start: 0,
    length: 0,
    kind: "sample",
    mark,
    name: nameMark,
    type: family.type,
  });
}

function failAtValue(reader: PageReader): never {
  if (reader.peek() === endOfPage) endsLine(reader);
  reader.fail("ERR_EXPOSITION_VALUE", "expected a value after the name");
}

function readTimestamp(reader: PageReader): number {
  reader.skipBlanks();
  const offset = reader.at;
  const text = reader.readToken();
  const timestampMs =
    parseInt64(text) ?? reader.fail("ERR_EXPOSITION_VALUE", "expected an integer of milliseconds", offset);
  if (!endsLine(reader)) reader.fail("ERR_EXPOSITION_SYNTAX", "expected nothing after the timestamp");
  return timestampMs;
}

/** Reads from brace to brace; gives the metric name, which may stand among the labels. */
function readLabels(page: Page, list: LabelList, outside: string | undefined): string | undefined {
  const reader: PageReader = page.reader;
  let name = outside;
  reader.at++;
  for (;;) {
    reader.skipBlanks();
    if (reader.peek() === byte.braceClose) break;
    if (!repeatLabel(list, page.labels, reader)) {
      const nameOffset = reader.at;
      const word = readName(reader, false);
      if (word === "") failInLabels(reader, "expected a label name or '}'");
      reader.skipBlanks();
      const next = reader.peek();
      if (next !== byte.equals) {
        const mayBeName = outside === undefined && (next === byte.comma || next === byte.braceClose);
        if (!mayBeName) failInLabels(reader, "expected '=' after the label name");
        if (name !== undefined) reader.fail("ERR_EXPOSITION_NAME", "expected one metric name", nameOffset);
        checkPlain(reader, word, true, nameOffset);
        name = word;
        if (next === byte.braceClose) break;
        reader.at++;
        continue;
      }
      readLabel(reader, list, word, nameOffset);
    }
    reader.skipBlanks();
    if (reader.peek() === byte.braceClose) break;
    if (reader.peek() !== byte.comma) failInLabels(reader, "expected ',' or '}' after the label value");
    reader.at++;
  }
  reader.at++;
  page.labels = list;
  return name;
}

/** Goes on at the equals sign. */
function readLabel(reader: PageReader, list: LabelList, name: string, nameOffset: number): void {
  if (name === "__name__") {
    reader.fail("ERR_EXPOSITION_NAME", "expected another label name, __name__ is reserved", nameOffset);
  }
  checkPlain(reader, name, false, nameOffset);
  reader.at++;
  reader.skipBlanks();
  if (reader.peek() !== byte.quote) failInLabels(reader, "expected '\"' before the label value");
  const valueOffset = reader.at;
  const value = reader.readQuoted("label value", "strict", false);
  addLabel(list, { name, value }, reader, { name: nameOffset, value: valueOffset });
}

function failInLabels(reader: PageReader, reason: string): never {
  const code = reader.peek() === endOfPage ? "ERR_EXPOSITION_TRUNCATED" : "ERR_EXPOSITION_SYNTAX";
  return reader.fail(code, reason);
}

/** The number in `le` or `quantile`, where the family's type gives that label its meaning. */
function checkBound(reader: PageReader, type: MetricType, list: LabelList): number | undefined {
  const bound = boundIn(type, list.labels);
  if (bound !== null) return bound;
  const name = boundName(type);
  const i = list.labels.findIndex((label) => label.name === name);
  return reader.fail("ERR_EXPOSITION_VALUE", `expected a number in the label ${name}`, list.valueOffsets[i]);
}

/** Null where it is no number. */
function boundIn(type: MetricType, labels: readonly Label[]): number | undefined | null {
  const name = boundName(type);
  if (name === undefined) return undefined;
  for (const label of labels) if (label.name === name) return parseNumber(label.value) ?? null;
  return undefined;
}

function boundName(type: MetricType): "le" | "quantile" | undefined {
  return isHistogram(type) ? "le" : type === "summary" ? "quantile" : undefined;
}

/** A bare name, a quoted one, or one that goes on in quotes; empty where none begins. */
function readName(reader: PageReader, colons: boolean): string {
  const offset = reader.at;
  const bare = reader.readPlainName(colons);
  if (reader.peek() !== byte.quote) return bare;
  const quoted = reader.readQuoted("name", "strict", false);
  reader.checkNameLength(offset);
  return bare + quoted;
}

/** promtool reads quotes around names but keeps to the classic characters inside them. */
function checkPlain(reader: PageReader, name: string, colons: boolean, offset: number): void {
  if (isPlainName(name, colons)) return;
  const allowed = colons ? "[a-zA-Z_:][a-zA-Z0-9_:]*" : "[a-zA-Z_][a-zA-Z0-9_]*";
  reader.fail("ERR_EXPOSITION_NAME", `expected a name of the form ${allowed}`, offset);
}

/** Consumes the line feed, if it is here; refuses the end of the page. */
function endsLine(reader: PageReader): boolean {
  const b = reader.peek();
  if (b === endOfPage) reader.fail("ERR_EXPOSITION_TRUNCATED", "expected a line feed");
  if (b !== byte.lineFeed) return false;
  reader.at++;
  return true;
}

function isHistogram(type: MetricType | undefined): boolean {
  return type === "histogram" || type === "gaugehistogram";
}

/**
 * The family that a name belongs to: its own, or the histogram or summary whose suffix it carries. It
 * stays the same up to the end of the page.
 */
function familyOf(page: Page, name: NameMark): FamilyDraft {
  const { memory, families, reader } = page;
  if (name.page === memory.page) return name.family!;
  const base = name.suffix === "_total" ? undefined : memory.baseOf(name);
  const known = base?.page === memory.page ? base.family : undefined;
  const takes =
    known?.mark === base &&
    (isHistogram(known?.type) || (known?.type === "summary" && name.suffix !== "_bucket"));
  const family = known !== undefined && takes ? known : createDraft(name, reader.lineStart);
  if (family.mark === name) families.push(family);
  name.family = family;
  name.page = memory.page;
  return family;
}
