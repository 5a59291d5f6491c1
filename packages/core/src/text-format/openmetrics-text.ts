import type { SeriesDictionary } from "../series/dictionary.ts";
import { canonicalLabels } from "../series/dictionary.ts";
import type { Exemplar, MetricType, Series } from "../series/series.ts";
import type { FamilyDraft } from "./family-draft.ts";
import { addLabel, createLabelList, type LabelList } from "./label-list.ts";
import { formatCanonical, parseNumber } from "./number.ts";
import {
  checkUnit,
  closeFamily,
  type OpenFamily,
  openFamily,
  takeSample,
  toMs,
} from "./openmetrics-family.ts";
import { openMetricsOwnLabel, openMetricsSuffix } from "./openmetrics-suffixes.ts";
import { byte, endOfPage, type PageReader } from "./page-reader.ts";

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

interface Page {
  readonly reader: PageReader;
  readonly dictionary: SeriesDictionary;
  readonly done: FamilyDraft[];
  /** Sample names that a family has taken, and its name. */
  readonly claimed: Map<string, string>;
  readonly seen: Set<Series>;
  current: OpenFamily | undefined;
}

/**
 * OpenMetrics 1.0, every MUST that one page alone can break. `le` and `quantile` come out in
 * canonical form, as Prometheus stores them.
 *
 * @see OpenMetrics 1.0.0, "Text format"
 */
export function readOpenMetrics(reader: PageReader, dictionary: SeriesDictionary): FamilyDraft[] {
  if (!reader.isUtf8) reader.failAtInvalidUtf8("page", 0, reader.bytes.length);
  const page: Page = {
    reader,
    dictionary,
    done: [],
    claimed: new Map(),
    seen: new Set(),
    current: undefined,
  };
  while (reader.startLine()) {
    if (reader.peek() !== byte.hash) readSample(page);
    else if (readMetadata(page) === "EOF") return page.done;
  }
  return reader.fail("ERR_EXPOSITION_TRUNCATED", "expected the line # EOF");
}

function readMetadata(page: Page): "EOF" | undefined {
  const { reader } = page;
  const start = reader.at;
  reader.at++;
  expectByte(reader, byte.space, "expected one space after '#'");
  const keywordOffset = reader.at;
  const keyword = reader.readToken();
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

  if (page.current?.draft.name !== name) open(page, name, start);
  const family = page.current!;
  if (family.draft.series.length > 0) {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected the ${keyword} line before the family's samples`, start);
  }
  const field = keyword === "HELP" ? "help" : keyword === "TYPE" ? "type" : "unit";
  if (family.draft[field] !== undefined) {
    reader.fail("ERR_EXPOSITION_FAMILY", `expected one ${keyword} line for ${JSON.stringify(name)}`, start);
  }
  const valueOffset = reader.at;
  if (keyword === "HELP") family.draft.help = readHelp(reader);
  else if (keyword === "TYPE") family.draft.type = readType(reader);
  else family.draft.unit = readUnit(reader);
  checkUnit(family, reader, valueOffset);
  expectByte(reader, byte.lineFeed, "expected a line feed");
  return undefined;
}

function readHelp(reader: PageReader): string {
  let help = "";
  let from = reader.at;
  for (let b = reader.peek(); b !== byte.lineFeed && b !== endOfPage; b = reader.peek()) {
    if (b === byte.quote)
      reader.fail("ERR_EXPOSITION_VALUE", String.raw`expected \" for a quote in the help text`);
    if (b === byte.carriageReturn && reader.bytes[reader.at + 1] === byte.lineFeed) {
      reader.fail("ERR_EXPOSITION_SYNTAX", "expected a line feed alone at the end of the line");
    }
    if (b === byte.backslash) {
      help += reader.text(from, reader.at) + reader.readEscape("lenient");
      from = reader.at;
    } else {
      reader.at++;
    }
  }
  return help + reader.text(from, reader.at);
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
  const list = createLabelList();
  if (reader.peek() === byte.braceOpen) readLabels(reader, list);
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
  makeCanonical(list, current.draft.type, suffix);
  const series = page.dictionary.intern(name, list.labels);
  page.seen.add(series);
  if (page.seen.size > reader.limits.maxSeries) {
    reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${reader.limits.maxSeries} series`, offset);
  }
  takeSample(
    current,
    { offset, suffix, list, series, value, valueOffset, seconds, exemplar, exemplarOffset },
    reader,
  );
}

/** Numbers in `le` and `quantile`, but not infinity: only `+Inf` is allowed, and the family looks at it. */
function makeCanonical(list: LabelList, type: MetricType | undefined, suffix: string): void {
  if (type !== "histogram" && type !== "summary") return;
  const own = openMetricsOwnLabel("", type, suffix);
  const i = list.labels.findIndex((label) => label.name === own);
  const bound = parseNumber(list.labels[i]?.value ?? "");
  if (own !== undefined && bound !== undefined && Number.isFinite(bound)) {
    list.labels[i] = { name: own, value: formatCanonical(bound) };
  }
}

function readExemplar(reader: PageReader): Exemplar {
  reader.at++;
  expectByte(reader, byte.hash, "expected an exemplar or the end of the line");
  expectByte(reader, byte.space, "expected one space after '#'");
  if (reader.peek() !== byte.braceOpen) failHere(reader, "expected '{' at the start of the exemplar");
  const list = createLabelList();
  readLabels(reader, list);
  expectByte(reader, byte.space, "expected one space and the exemplar's value");
  const value = readNumber(reader, "the exemplar's value");
  let timestampMs = NaN;
  if (reader.peek() === byte.space) {
    reader.at++;
    timestampMs = toMs(readSeconds(reader));
  }
  return { labels: canonicalLabels(list.labels), value, timestampMs };
}

function readLabels(reader: PageReader, list: LabelList): void {
  reader.at++;
  if (reader.peek() === byte.braceClose) {
    reader.at++;
    return;
  }
  for (;;) {
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
    if (reader.peek() === byte.braceClose) {
      reader.at++;
      return;
    }
    expectByte(reader, byte.comma, "expected ',' or '}' after the label value");
  }
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
  page.current = openFamily(name, page.reader, offset);
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
