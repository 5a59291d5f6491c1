import { createSeriesDictionary, type SeriesDictionary } from "../series/dictionary.ts";
import type { MetricFamily } from "../series/series.ts";
import { type FamilyDraft, finishDraft } from "./family-draft.ts";
import { readOpenMetrics } from "./openmetrics-text.ts";
import { PageReader } from "./page-reader.ts";
import { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";
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
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const reader = new PageReader(bytes, { ...defaultParseLimits, ...options.limits });
  const dictionary = options.dictionary ?? createSeriesDictionary();
  switch (options.format) {
    case "prometheus":
      return readPrometheusText(reader, dictionary);
    case "scrape":
      return readScrapeText(reader, dictionary);
    case "openmetrics":
      return readOpenMetrics(reader, dictionary);
    default:
      throw new TypeError(
        `format: expected prometheus, scrape or openmetrics, got ${String(options.format)}`,
      );
  }
}
