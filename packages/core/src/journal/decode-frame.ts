import type { MetricFamily, SeriesDictionary } from "../series/index.ts";
import { ExpositionError, type ParseLimits, parseExposition } from "../text-format/index.ts";

export interface DecodeOptions {
  /** Interns the series. Default: one for this call. */
  readonly dictionary?: SeriesDictionary;
}

/** A frame is bounded as a whole, so nothing in it needs a bound of its own. */
const NO_LIMITS: ParseLimits = {
  maxLineBytes: Number.POSITIVE_INFINITY,
  maxLabels: Number.POSITIVE_INFINITY,
  maxNameBytes: Number.POSITIVE_INFINITY,
  maxSeries: Number.POSITIVE_INFINITY,
};

/**
 * The samples of one valid frame, as `encodeFrame` wrote them.
 *
 * Read as strict text format 0.0.4; a frame that is none, because a scraped page had names in quotes or
 * a series at two times, is read as Prometheus' scraping reads it.
 *
 * @param bytes From the `#` of `# Written` to the line feed of `# End`; neither is checked here.
 * @throws {ExpositionError} The bytes are no exposition at all.
 */
export function decodeFrame(bytes: Uint8Array, options: DecodeOptions = {}): readonly MetricFamily[] {
  const rest = { ...options, limits: NO_LIMITS };
  try {
    return parseExposition(bytes, { format: "prometheus", ...rest });
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
    return parseExposition(bytes, { format: "scrape", ...rest });
  }
}
