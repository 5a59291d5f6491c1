import { createSeriesDictionary, type MetricFamily, type SeriesDictionary } from "../series/index.ts";
import { createExpositionParser, ExpositionError, type ParseLimits } from "../text-format/index.ts";
import { parseHeader } from "./frame-header.ts";
import { unfoldSpecials, withNotes } from "./unfold-specials.ts";

export interface DecodeOptions {
  /** Interns the series. Default: one of its own. */
  readonly dictionary?: SeriesDictionary;
}

/** A frame is bounded as a whole, so nothing in it needs a bound of its own. */
const NO_LIMITS: ParseLimits = {
  maxLineBytes: Number.POSITIVE_INFINITY,
  maxLabels: Number.POSITIVE_INFINITY,
  maxNameBytes: Number.POSITIVE_INFINITY,
  maxSeries: Number.POSITIVE_INFINITY,
};

const LF = 10;

/** Reads frame after frame, each by itself, and gets faster with those that resemble each other. */
export type FrameDecoder = (bytes: Uint8Array) => readonly MetricFamily[];

/**
 * Gives the samples of valid frames: names, labels, values and times as `encodeFrame` was given them.
 * Blanks at the beginning of a HELP text are not kept; the text format has no way to.
 *
 * Read as strict text format 0.0.4. A frame that is none, because it has names in quotes or a series at
 * two times, is read as Prometheus' scraping reads it, but for the spelling of `le` and `quantile`,
 * which stays: a series must not change its labels with what stands beside it.
 *
 * The decoder takes bytes from the `#` of `# Written` to the line feed of `# End`, neither of which it
 * checks, and throws an {@link ExpositionError} where they are no exposition at all, a `RangeError` where a `#~`
 * line of a frame of version 2 is none of those of `special-lines.ts`.
 */
export function createFrameDecoder(options: DecodeOptions = {}): FrameDecoder {
  const { dictionary = createSeriesDictionary() } = options;
  const strict = createExpositionParser({ format: "prometheus", dictionary, limits: NO_LIMITS });
  const lenient = createExpositionParser({ format: "scrape", dictionary, limits: NO_LIMITS });
  const parse = (bytes: Uint8Array): readonly MetricFamily[] => {
    try {
      return strict.parse(bytes);
    } catch (error) {
      if (!(error instanceof ExpositionError)) throw error;
      return lenient.parse(withTypesLast(bytes));
    }
  };
  return (bytes) => {
    if (!isOfVersion2(bytes)) return parse(bytes);
    const { page, notes } = unfoldSpecials(bytes);
    return withNotes(parse(page), notes);
  };
}

function isOfVersion2(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The line feed before a frame may come with it.
  const start = buffer[0] === LF ? 1 : 0;
  const header = parseHeader(buffer.toString("latin1", start, Math.max(0, buffer.indexOf(LF, start))));
  return header.ok && header.version === 2;
}

/** One frame as a {@link createFrameDecoder} gives it. */
export function decodeFrame(bytes: Uint8Array, options: DecodeOptions = {}): readonly MetricFamily[] {
  return createFrameDecoder(options)(bytes);
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
