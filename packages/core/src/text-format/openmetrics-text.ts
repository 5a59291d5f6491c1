import type { SeriesDictionary } from "../series/dictionary.ts";
import { canonicalLabels } from "../series/dictionary.ts";
import type { Exemplar, MetricType } from "../series/series.ts";
import type { FamilyDraft } from "./family-draft.ts";
import type { KnownLine } from "./known-lines.ts";
import { addLabel, createLabelList, type LabelList, repeatLabel } from "./label-list.ts";
import { formatCanonical, parseNumber } from "./number.ts";
import {
  checkUnit,
  closeFamily,
  type OpenFamily,
  openFamily,
  type SampleHead,
  sampleHead,
  takeSample,
  toMs,
} from "./openmetrics-family.ts";
import { openMetricsOwnLabel, openMetricsSuffix } from "./openmetrics-suffixes.ts";
import { byte, endOfPage, type PageReader } from "./page-reader.ts";
import type { ParserMemory, SeriesMark } from "./parser-memory.ts";
import { PlainTail } from "./plain-tail.ts";

const types: readonly string[] = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
] satisfies readonly MetricType[];

/** A line that may come again on the next page, and what it meant. */
type Line = KnownLine<Line> &
  (
    | (MetadataLine & { readonly kind: "metadata" })
    | {
        readonly kind: "sample";
        readonly mark: SeriesMark;
        readonly head: SampleHead;
        /** The family in which the sample stood. */
        readonly family: string;
        readonly type: MetricType | undefined;
      }
  );

interface MetadataLine {
  readonly keyword: "HELP" | "TYPE" | "UNIT";
  readonly name: string;
  readonly text: string;
  /** Where the text begins in the line. */
  readonly textStart: number;
}

interface Page {
  readonly reader: PageReader;
  readonly dictionary: SeriesDictionary;
  readonly memory: ParserMemory<Line>;
  readonly done: FamilyDraft[];
  /** Sample names that a family has taken, and its name. */
  readonly claimed: Map<string, string>;
  readonly tail: PlainTail;
  /** Of the last sample that was read from its text. */
  labels: LabelList;
  current: OpenFamily | undefined;
}

/**
 * OpenMetrics 1.0, every MUST that one page alone can break, but that names which begin with underscores, reserved
 * for later versions, are read: programs have them. `le` and `quantile` come out in
 * canonical form, as Prometheus stores them.
 *
 * @see OpenMetrics 1.0.0, "Text format"
 */
export function readOpenMetrics(
  reader: PageReader,
  dictionary: SeriesDictionary,
  memory: ParserMemory<Line>,
): FamilyDraft[] {
  if (!reader.isUtf8) reader.failAtInvalidUtf8("page", 0, reader.bytes.length);
  const page: Page = {
    reader,
    dictionary,
    memory,
    done: [],
    claimed: new Map(),
    tail: new PlainTail(reader.bytes),
    labels: createLabelList(),
    current: undefined,
  };
  while (skipKnownLines(page)) {
    reader.checkLineLength();
    if (reader.peek() !== byte.hash) readSample(page);
    else if (readMetadata(page) === "EOF") return page.done;
  }
  return reader.fail("ERR_EXPOSITION_TRUNCATED", "expected the line # EOF");
}

/** Whether a line begins behind the known ones. A loop of its own, so that it is compiled alone (measured). */
function skipKnownLines(page: Page): boolean {
  while (page.reader.startLine()) if (!readKnownLine(page)) return true;
  return false;
}

/**
 * Reads a line whose bytes, up to the value, were found right on an earlier page, and judges what
 * depends on its place and its numbers. False where it has any other form; nothing has been read then.
 */
function readKnownLine(page: Page): boolean {
  const { reader, memory, tail, current } = page;
  const line = memory.lines?.find(reader.at);
  if (line === undefined) return false;
  const offset = reader.at;
  const tailOffset = offset + line.length;
  if (line.kind === "sample") {
    if (current?.draft.name !== line.family || current.draft.type !== line.type) return false;
    if (!tail.read(reader.bytes, tailOffset, true) || !reader.endPlainLine(tail.end)) return false;
    const numbers = { value: tail.value, seconds: tail.timestamp, exemplar: undefined };
    count(page, line.mark, offset);
    takeSample(
      current,
      { ...line.head, ...numbers, offset, valueOffset: tailOffset, exemplarOffset: -1 },
      reader,
    );
    return true;
  }
  setMetadata(enterMetadata(page, line.keyword, line.name, offset), line, reader, offset);
  return reader.endPlainLine(tailOffset);
}

function readMetadata(page: Page): "EOF" | undefined {
  const reader: PageReader = page.reader;
  const start = reader.at;
  reader.at++;
  expectByte(reader, byte.space, "expected one space after '#'");
  const keywordOffset = reader.at;
  const keyword: string = reader.readToken();
  if (keyword === "EOF") {
    if (reader.peek() === byte.lineFeed) reader.at++;
    if (reader.peek() !== endOfPage) reader.fail("ERR_EXPOSITION_SYNTAX", "expected nothing after # EOF");
    close(page);
    return "EOF";
  }
  if (keyword !== "HELP" && keyword !== "TYPE" && keyword !== "UNIT") {
    reader.fail(
      "ERR_EXPOSITION_SYNTAX",
      "expected HELP, TYPE, UNIT or EOF, other comments are not allowed",
      keywordOffset,
    );
  }
  expectByte(reader, byte.space, `expected one space after ${keyword}`);
  const name = reader.readPlainName(true);
  if (name === "") reader.fail("ERR_EXPOSITION_NAME", `expected a metric name after ${keyword}`);
  expectByte(reader, byte.space, "expected one space after the metric name");

  const family = enterMetadata(page, keyword, name, start);
  const textStart = reader.at - start;
  const text =
    keyword === "HELP" ? readHelp(reader) : keyword === "TYPE" ? readType(reader) : readUnit(reader);
  const line: MetadataLine = { keyword, name, text, textStart };
  setMetadata(family, line, reader, start);
  expectByte(reader, byte.lineFeed, "expected a line feed");
  page.memory.lines?.remember(start, reader.at, {
    next: undefined,
    start: 0,
    length: 0,
    kind: "metadata",
    ...line,
  });
  return undefined;
}

const fieldOf = { HELP: "help", TYPE: "type", UNIT: "unit" } as const;

/** The family that a metadata line at the offset `start` may still say something about. */
function enterMetadata(
  page: Page,
  keyword: MetadataLine["keyword"],
  name: string,
  start: number,
): OpenFamily {
  const { reader, current } = page;
  const family = current?.draft.name === name ? current : open(page, name, start);
  if (family.draft.values.length > 0) {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected the ${keyword} line before the family's samples`, start);
  }
  if (family.draft[fieldOf[keyword]] !== undefined) {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected one ${keyword} line for ${JSON.stringify(name)}`, start);
  }
  return family;
}

function setMetadata(
  family: OpenFamily,
  { keyword, text, textStart }: MetadataLine,
  reader: PageReader,
  start: number,
): void {
  if (keyword === "HELP") family.draft.help = text;
  else if (keyword === "TYPE") family.draft.type = text as MetricType;
  else family.draft.unit = text;
  checkUnit(family, reader, start + textStart);
}

function readHelp(reader: PageReader): string {
  const start = reader.at;
  for (let b = reader.peek(); b !== byte.lineFeed && b !== endOfPage; b = reader.peek()) {
    if (b === byte.quote)
      reader.fail("ERR_EXPOSITION_VALUE", String.raw`expected \" for a quote in the help text`);
    if (b === byte.carriageReturn && reader.bytes[reader.at + 1] === byte.lineFeed) {
      reader.fail("ERR_EXPOSITION_SYNTAX", "expected a line feed alone at the end of the line");
    }
    if (b === byte.backslash) reader.skipEscape("lenient");
    else reader.at++;
  }
  return reader.unescaped(start, reader.at);
}

function readType(reader: PageReader): MetricType {
  const offset = reader.at;
  reader.at = reader.lineEnd();
  const text = reader.text(offset, reader.at);
  if (!types.includes(text)) {
    reader.fail("ERR_EXPOSITION_VALUE", `expected one of the types ${types.join(", ")}`, offset);
  }
  return text as MetricType;
}

function readUnit(reader: PageReader): string {
  const offset = reader.at;
  reader.at = reader.lineEnd();
  const unit = reader.text(offset, reader.at);
  if (!/^[a-zA-Z0-9_:]*$/.test(unit)) {
    reader.fail("ERR_EXPOSITION_VALUE", "expected a unit of the form [a-zA-Z0-9_:]*", offset);
  }
  return unit;
}

function readSample(page: Page): void {
  const { reader } = page;
  const offset = reader.at;
  const name = reader.readPlainName(true);
  if (name === "") reader.fail("ERR_EXPOSITION_NAME", "expected a metric name or '#'");
  const written = createLabelList();
  if (reader.peek() === byte.braceOpen) readLabels(reader, written, page.labels);
  page.labels = written;
  expectByte(reader, byte.space, "expected one space and a value");
  const valueOffset = reader.at;
  const value = readNumber(reader, "a number");
  let seconds = NaN;
  if (reader.peek() === byte.space && reader.bytes[reader.at + 1] !== byte.hash) {
    reader.at++;
    seconds = readSeconds(reader);
  }
  const exemplarOffset = reader.at + 1;
  const exemplar = reader.peek() === byte.space ? readExemplar(reader) : undefined;
  expectByte(reader, byte.lineFeed, "expected a line feed");

  let { current } = page;
  let suffix = current && openMetricsSuffix(current.draft.name, current.draft.type ?? "unknown", name);
  if (!current || suffix === undefined) {
    current = open(page, name, offset);
    suffix = "";
  }
  const { type } = current.draft;
  const list = canonicalBound(written, type, suffix);
  const mark = page.memory.markOf(page.dictionary.intern(page.memory.nameOf(name).text, list.labels));
  count(page, mark, offset);
  const head = sampleHead(current, suffix, list, mark.series);
  takeSample(current, { ...head, offset, value, valueOffset, seconds, exemplar, exemplarOffset }, reader);
  const line = {
    next: undefined,
    start: 0,
    length: 0,
    kind: "sample",
    mark,
    head,
    family: current.draft.name,
    type,
  } as const;
  page.memory.lines?.remember(offset, valueOffset, line);
}

function count({ memory, reader }: Page, mark: SeriesMark, offset: number): void {
  if (mark.page === memory.page) return;
  mark.page = memory.page;
  memory.seriesCount++;
  if (memory.seriesCount > reader.limits.maxSeries) {
    reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${reader.limits.maxSeries} series`, offset);
  }
}

/** With the number in `le` or `quantile` rewritten, but not infinity: only `+Inf` is allowed, and the family looks at it. */
function canonicalBound(list: LabelList, type: MetricType | undefined, suffix: string): LabelList {
  if (type !== "histogram" && type !== "summary") return list;
  const own = openMetricsOwnLabel("", type, suffix);
  const i = list.labels.findIndex((label) => label.name === own);
  const bound = parseNumber(list.labels[i]?.value ?? "");
  if (own === undefined || bound === undefined || !Number.isFinite(bound)) return list;
  return { ...list, labels: list.labels.with(i, { name: own, value: formatCanonical(bound) }) };
}

function readExemplar(reader: PageReader): Exemplar {
  reader.at++;
  expectByte(reader, byte.hash, "expected an exemplar or the end of the line");
  expectByte(reader, byte.space, "expected one space after '#'");
  if (reader.peek() !== byte.braceOpen) failHere(reader, "expected '{' at the start of the exemplar");
  const list = createLabelList();
  readLabels(reader, list, createLabelList());
  expectByte(reader, byte.space, "expected one space and the exemplar's value");
  const value = readNumber(reader, "the exemplar's value");
  let timestampMs = NaN;
  if (reader.peek() === byte.space) {
    reader.at++;
    timestampMs = toMs(readSeconds(reader));
  }
  return { labels: canonicalLabels(list.labels), value, timestampMs };
}

function readLabels(reader: PageReader, list: LabelList, before: LabelList): void {
  reader.at++;
  if (reader.peek() === byte.braceClose) {
    reader.at++;
    return;
  }
  for (;;) {
    if (!repeatLabel(list, before, reader)) readLabel(reader, list);
    if (reader.peek() === byte.braceClose) {
      reader.at++;
      return;
    }
    expectByte(reader, byte.comma, "expected ',' or '}' after the label value");
  }
}

function readLabel(reader: PageReader, list: LabelList): void {
  const nameOffset = reader.at;
  const name = reader.readPlainName(false);
  if (name === "") failHere(reader, "expected a label name");
  if (name === "__name__") {
    reader.fail("ERR_EXPOSITION_NAME", "expected another label name, __name__ is reserved", nameOffset);
  }
  expectByte(reader, byte.equals, "expected '=' after the label name");
  if (reader.peek() !== byte.quote) failHere(reader, "expected '\"' before the label value");
  const valueOffset = reader.at;
  const value = reader.readQuoted("label value", "lenient", false);
  addLabel(list, { name, value }, reader, { name: nameOffset, value: valueOffset });
}

function readNumber(reader: PageReader, what: string): number {
  const offset = reader.at;
  return parseNumber(reader.readToken()) ?? reader.fail("ERR_EXPOSITION_VALUE", `expected ${what}`, offset);
}

function readSeconds(reader: PageReader): number {
  const offset = reader.at;
  const seconds = parseNumber(reader.readToken());
  if (seconds === undefined || !Number.isFinite(seconds)) {
    reader.fail("ERR_EXPOSITION_VALUE", "expected a timestamp in seconds", offset);
  }
  return seconds;
}

function open(page: Page, name: string, offset: number): OpenFamily {
  close(page);
  page.current = openFamily(page.memory.nameOf(name), page.reader, offset);
  return page.current;
}

function close(page: Page): void {
  if (!page.current) return;
  closeFamily(page.current, page.reader, page.claimed);
  page.done.push(page.current.draft);
  page.current = undefined;
}

function expectByte(reader: PageReader, expected: number, reason: string): void {
  if (reader.peek() !== expected) failHere(reader, reason);
  reader.at++;
}

function failHere(reader: PageReader, reason: string): never {
  const code = reader.peek() === endOfPage ? "ERR_EXPOSITION_TRUNCATED" : "ERR_EXPOSITION_SYNTAX";
  return reader.fail(code, reason);
}
