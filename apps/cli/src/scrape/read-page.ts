import {
  compareCodePoints,
  createSeriesDictionary,
  type Label,
  type MetricFamily,
  type Series,
  type SeriesDictionary,
  seriesKey,
} from "@promferry/core/series";
import {
  createExpositionParser,
  defaultParseLimits,
  ExpositionError,
  type ParseLimits,
} from "@promferry/core/text-format";
import { type FetchPageOptions, fetchPage } from "./fetch-page.ts";
import type { PageFormat } from "./page-format.ts";
import { parseProtobuf } from "./parse-protobuf.ts";

/** What a page holds. */
export interface ReadPage {
  readonly families: readonly MetricFamily[];
  /** How often samples of a series were left out of `families`, since the page had one at the same time before. */
  readonly repeated: ReadonlyMap<Series, number>;
}

/** Fetches and parses the pages of one target. */
export interface PageReader {
  /**
   * Equal series of two pages are the same object as long as the reader remembers them.
   *
   * @throws {Error} Says why there is no page, or the reason of `signal`.
   */
  read(url: string, options: ReadPageOptions): Promise<ReadPage>;
}

export interface ReadPageOptions extends Omit<FetchPageOptions, "formats"> {
  /** Whether protobuf is asked for, which brings native histograms in the place of classic ones. Default true. */
  readonly wantsNative?: boolean;
}

export interface PageReaderOptions {
  /** Default `defaultParseLimits`. */
  readonly limits: Partial<ParseLimits>;
  /**
   * Whether labels with an empty value stay, which `honor_labels` needs: there `instance=""` says that the
   * series has no instance.
   */
  readonly keepEmptyLabels: boolean;
}

interface Parsers extends Record<PageFormat, { parse(page: Uint8Array): readonly MetricFamily[] }> {
  /** Series that are remembered. */
  known(): number;
}

const TEXT: readonly PageFormat[] = ["scrape"];
const CLASSIC: readonly PageFormat[] = ["openmetrics", ...TEXT];
const ALL: readonly PageFormat[] = ["protobuf", ...CLASSIC];

/** Series that a dictionary of ours may hold above what the last page had. */
const SPARE_SERIES = 10_000;

/** After a page that was bad OpenMetrics, so many are asked for as text: an hour, at one a minute. */
const TEXT_PAGES = 60;

export function createPageReader({ limits, keepEmptyLabels }: PageReaderOptions): PageReader {
  const { maxSeries = defaultParseLimits.maxSeries } = limits;
  let parsers = createParsers();
  let textPagesLeft = 0;
  let repeated = new Map<Series, number>();

  function createParsers(): Parsers {
    const literal = keepEmptyLabels ? createLiteralDictionary() : undefined;
    const options = { limits, ...(literal ? { dictionary: literal } : {}) };
    const dictionary = literal ?? createSeriesDictionary();
    return {
      scrape: createExpositionParser({
        format: "scrape",
        ...options,
        onRepeated: (series) => repeated.set(series, (repeated.get(series) ?? 0) + 1),
      }),
      openmetrics: createExpositionParser({ format: "openmetrics", ...options }),
      protobuf: { parse: (bytes) => parseProtobuf(bytes, { dictionary, limits }) },
      known: () => dictionary.size,
    };
  }

  async function read(url: string, options: ReadPageOptions): Promise<ReadPage> {
    const textOnly = textPagesLeft > 0;
    const formats = textOnly ? TEXT : (options.wantsNative ?? true) ? ALL : CLASSIC;
    const { bytes, format } = await fetchPage(url, { ...options, formats });
    if (textOnly) textPagesLeft--;
    repeated = new Map();
    try {
      const families = parsers[format].parse(bytes);
      if (parsers.known() > 2 * countSamples(families) + SPARE_SERIES) parsers = createParsers();
      return { families, repeated };
    } catch (error) {
      if (parsers.known() > 2 * maxSeries) parsers = createParsers();
      if (!(error instanceof ExpositionError) || format !== "openmetrics" || textOnly) throw error;
      // Some programs speak OpenMetrics with an accent; their text format is most often right. They may learn.
      textPagesLeft = TEXT_PAGES;
      return read(url, options);
    }
  }

  return { read };
}

function countSamples(families: readonly MetricFamily[]): number {
  return families.reduce((sum, { series }) => sum + series.length, 0);
}

/** As the library's own, but empty values are values. Its series never leave the scrape. */
function createLiteralDictionary(): SeriesDictionary {
  const byKey = new Map<string, Series>();
  return {
    intern(name, labels) {
      const sorted: readonly Label[] = [...labels].sort((a, b) => compareCodePoints(a.name, b.name));
      const key = seriesKey(name, sorted);
      const known = byKey.get(key);
      if (known) return known;
      const series: Series = { name, labels: sorted };
      byKey.set(key, series);
      return series;
    },
    get size() {
      return byKey.size;
    },
  };
}
