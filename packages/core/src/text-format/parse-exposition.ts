import { createSeriesDictionary, type SeriesDictionary } from "../series/dictionary.ts";
import type { MetricFamily, Series } from "../series/series.ts";
import { type FamilyDraft, finishDraft } from "./family-draft.ts";
import type { KnownLine } from "./known-lines.ts";
import { readOpenMetrics } from "./openmetrics-text.ts";
import { PageReader } from "./page-reader.ts";
import { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";
import { createMark, createTimedMark, ParserMemory, type SeriesMark } from "./parser-memory.ts";
import { readPrometheusText } from "./prometheus-text.ts";
import { readScrapeText } from "./scrape-text.ts";

/**
 * Which verdict is asked for.
 *
 * - `prometheus`: text format 0.0.4 as `promtool check metrics` judges it.
 * - `scrape`: text format 0.0.4 as a scraping Prometheus 3.5 takes it: more lenient.
 * - `openmetrics`: OpenMetrics 1.0, strict.
 */
export type ExpositionFormat = "prometheus" | "scrape" | "openmetrics";

export interface ParseOptions {
  readonly format: ExpositionFormat;
  /** Where the series come from; give the same one to share series between pages. Default: a new one. */
  readonly dictionary?: SeriesDictionary;
  /** Default {@link defaultParseLimits}. */
  readonly limits?: Partial<ParseLimits>;
  /** For `scrape`: told of the series of each sample that is left out, since the page has one at the same time already. */
  readonly onRepeated?: (series: Series) => void;
}

/** Reads page after page, each by itself, and gets faster with those that resemble each other. */
export interface ExpositionParser {
  /**
   * As {@link parseExposition}, with the same result and the same errors. Equal series of two pages are
   * the same object: always with a `dictionary` of the caller's, else as long as the parser remembers them.
   * What a page that is refused has taught is kept; it changes no later result. Arrays of series may be
   * shared by the results of several pages.
   *
   * @param text Not kept.
   */
  parse(text: Uint8Array | string): readonly MetricFamily[];
}

/**
 * Reads a whole page: every family in order of appearance, also those without samples.
 *
 * Timestamps come out in milliseconds in each format; OpenMetrics' seconds are rounded to the
 * nearest one. Empty label values are left out. The time is linear in the page's length.
 *
 * @param text Bytes of UTF-8, or a string, which is encoded first.
 * @throws {ExpositionError} At the first thing that the format forbids; nothing of the page is given.
 */
export function parseExposition(text: Uint8Array | string, options: ParseOptions): readonly MetricFamily[] {
  return readDrafts(text, options).map(finishDraft);
}

/** As {@link parseExposition}, with the lines that the families began on. */
export function readDrafts(text: Uint8Array | string, options: ParseOptions): FamilyDraft[] {
  return createReader(options, false)(text);
}

/**
 * A parser for many pages of the same process, such as the frames of a journal: lines that it has met
 * are recognised by their bytes, and only their numbers are read. It remembers up to 16 MiB and 100,000
 * series, or four times what the last page had; beyond that it forgets everything and learns again. A
 * `dictionary` of the caller's forgets nothing.
 */
export function createExpositionParser(options: ParseOptions): ExpositionParser {
  const read = createReader(options, true);
  return { parse: (text) => read(text).map(finishDraft) };
}

type Read = (text: Uint8Array | string) => FamilyDraft[];

function createReader(options: ParseOptions, keepsLines: boolean): Read {
  let dictionary = options.dictionary ?? createSeriesDictionary();
  const limits = { ...defaultParseLimits, ...options.limits };
  switch (options.format) {
    case "prometheus":
      return reading(readPrometheusText, new ParserMemory(keepsLines, createMark));
    case "scrape":
      return reading(readScrapeText, new ParserMemory(keepsLines, createTimedMark));
    case "openmetrics":
      return reading(readOpenMetrics, new ParserMemory(keepsLines, createMark));
    default:
      throw new TypeError(
        `format: expected prometheus, scrape or openmetrics, got ${String(options.format)}`,
      );
  }

  function reading<Line extends KnownLine<Line>, Mark extends SeriesMark>(
    readPage: (
      reader: PageReader,
      dictionary: SeriesDictionary,
      memory: ParserMemory<Line, Mark>,
      onRepeated: ParseOptions["onRepeated"],
    ) => FamilyDraft[],
    memory: ParserMemory<Line, Mark>,
  ): Read {
    return (text) => {
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
      const reader = new PageReader(bytes, limits);
      memory.beginPage(reader);
      try {
        return readPage(reader, dictionary, memory, options.onRepeated);
      } finally {
        const forgotten = memory.endPage(reader);
        if (forgotten && options.dictionary === undefined) dictionary = createSeriesDictionary();
      }
    };
  }
}
