import type { SeriesDictionary } from "../series/dictionary.ts";
import type { MetricType, Series } from "../series/series.ts";
import { addSample, createDraft, type FamilyDraft } from "./family-draft.ts";
import { addLabel, createLabelList, type LabelList } from "./label-list.ts";
import { formatCanonical, parseInt64, parseNumber } from "./number.ts";
import { byte, endOfPage, isBlank, isNameByte, type PageReader } from "./page-reader.ts";

const typeOf: Readonly<Record<string, MetricType>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  summary: "summary",
  untyped: "unknown",
};

interface Page {
  readonly reader: PageReader;
  readonly dictionary: SeriesDictionary;
  /** Metadata by the name it was given for; the last TYPE and HELP line of a name counts. */
  readonly drafts: Map<string, FamilyDraft>;
  /** Names in order of appearance: of metadata, and of samples. */
  readonly mentions: { readonly name: string; readonly line: number }[];
  readonly mentioned: Set<string>;
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  readonly seen: Map<Series, number | Set<number>>;
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
export function readScrapeText(reader: PageReader, dictionary: SeriesDictionary): FamilyDraft[] {
  const page: Page = {
    reader,
    dictionary,
    drafts: new Map(),
    mentions: [],
    mentioned: new Set(),
    series: [],
    values: [],
    timestampsMs: [],
    seen: new Map(),
    lastType: "unknown",
  };
  while (reader.startLine()) {
    reader.skipBlanks();
    const b = reader.peek();
    if (b === endOfPage) break;
    if (b === byte.lineFeed) reader.at++;
    else if (b === byte.hash) readComment(page);
    else readSample(page);
  }
  return group(page);
}

function readComment(page: Page): void {
  const reader: PageReader = page.reader;
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
  // One character stands between name and text, whichever it is; a text of blanks only is none.
  const start = reader.at;
  const end = reader.lineEnd();
  const blank = /^[ \t]*$/.test(reader.text(start, end));
  const text = blank ? "" : reader.text(start + 1, end);
  const draft = draftOf(page, name);
  if (keyword === "TYPE") {
    draft.type =
      typeOf[text] ??
      reader.fail(
        "ERR_EXPOSITION_VALUE",
        "expected counter, gauge, histogram, summary or untyped",
        Math.min(start + 1, end),
      );
    page.lastType = draft.type;
  } else {
    reader.checkUtf8(Math.min(start + 1, end), end, "help text");
    draft.help = text.replace(/\\([\\n])/g, (_, escaped: string) => (escaped === "n" ? "\n" : "\\"));
  }
  endLine(reader);
}

/** HELP or TYPE with a blank behind it; stands at the name afterwards. */
function readKeyword(reader: PageReader): "HELP" | "TYPE" | undefined {
  reader.skipBlanks();
  const keyword = reader.text(reader.at, reader.at + 4);
  if (keyword !== "HELP" && keyword !== "TYPE") return undefined;
  if (!isBlank(reader.bytes[reader.at + 4] ?? endOfPage)) return undefined;
  reader.at += 4;
  reader.skipBlanks();
  return keyword;
}

function readSample(page: Page): void {
  const reader: PageReader = page.reader;
  const offset = reader.at;
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

  const series = page.dictionary.intern(name, list.labels);
  if (!isNew(page, series, timestampMs, offset)) return;
  if (!page.mentioned.has(name)) {
    page.mentioned.add(name);
    page.mentions.push({ name, line: reader.line });
  }
  page.series.push(series);
  page.values.push(value);
  page.timestampsMs.push(timestampMs);
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
  return name;
}

function normalizeBound(type: MetricType, name: string, value: string): string {
  const isBound = (type === "histogram" && name === "le") || (type === "summary" && name === "quantile");
  const bound = isBound ? parseNumber(value) : undefined;
  return bound === undefined ? value : formatCanonical(bound);
}

/** Goes to the next line; the last one needs no line feed. */
function endLine(reader: PageReader): void {
  reader.at = Math.min(reader.lineEnd() + 1, reader.bytes.length);
}

function draftOf(page: Page, name: string): FamilyDraft {
  const known = page.drafts.get(name);
  if (known) return known;
  const draft = createDraft(name, page.reader.line);
  page.drafts.set(name, draft);
  page.mentions.push({ name, line: page.reader.line });
  return draft;
}

/** Whether the series has no sample at this time yet. */
function isNew(page: Page, series: Series, timestampMs: number, offset: number): boolean {
  const { seen, reader } = page;
  const times = seen.get(series);
  if (times === undefined) {
    seen.set(series, timestampMs);
    if (seen.size > reader.limits.maxSeries) {
      reader.fail("ERR_EXPOSITION_LIMIT", `expected at most ${reader.limits.maxSeries} series`, offset);
    }
    return true;
  }
  if (typeof times === "number") {
    if (Object.is(times, timestampMs)) return false;
    seen.set(series, new Set([times, timestampMs]));
    return true;
  }
  if (times.has(timestampMs)) return false;
  times.add(timestampMs);
  return true;
}

const familySuffixes: Readonly<Partial<Record<MetricType, readonly string[]>>> = {
  counter: ["_total"],
  histogram: ["_bucket", "_count", "_sum"],
  summary: ["_count", "_sum"],
};

/** Metadata may come after the samples, so samples find their families at the end of the page. */
function group(page: Page): FamilyDraft[] {
  const { drafts, mentions } = page;
  const homes = new Map<string, FamilyDraft>();
  const ordered = new Set<FamilyDraft>();
  for (const { name, line } of mentions) {
    let home = homeOf(drafts, name);
    if (!home) {
      home = createDraft(name, line);
      drafts.set(name, home);
    }
    homes.set(name, home);
    ordered.add(home);
  }
  for (let i = 0; i < page.series.length; i++) {
    const series = page.series[i]!;
    addSample(homes.get(series.name)!, series, page.values[i]!, page.timestampsMs[i]!);
  }
  return [...ordered];
}

function homeOf(drafts: Map<string, FamilyDraft>, name: string): FamilyDraft | undefined {
  const own = drafts.get(name);
  if (own) return own;
  for (const suffix of ["_bucket", "_count", "_sum", "_total"]) {
    if (!name.endsWith(suffix)) continue;
    const family = drafts.get(name.slice(0, -suffix.length));
    if (family?.type && familySuffixes[family.type]?.includes(suffix)) return family;
  }
  return undefined;
}
