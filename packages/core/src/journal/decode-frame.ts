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
 * The samples of one valid frame: names, labels, values and times as `encodeFrame` was given them.
 * Blanks at the beginning of a HELP text are not kept; the text format has no way to.
 *
 * Read as strict text format 0.0.4. A frame that is none, because it has names in quotes or a series at
 * two times, is read as Prometheus' scraping reads it, but for the spelling of `le` and `quantile`,
 * which stays: a series must not change its labels with what stands beside it.
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
    return parseExposition(withTypesLast(bytes), { format: "scrape", ...rest });
  }
}

/**
 * Scraping takes metadata behind the samples, too, and rewrites bounds only where it has read of a
 * histogram or a summary before.
 */
function withTypesLast(bytes: Uint8Array): Uint8Array {
  // One character a byte, so that nothing is decoded and encoded on the way.
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1").split("\n");
  const isType = (line: string) => line.startsWith("# TYPE ");
  const sorted = [...lines.filter((line) => line !== "" && !isType(line)), ...lines.filter(isType)];
  return Buffer.from(`${sorted.join("\n")}\n`, "latin1");
}
