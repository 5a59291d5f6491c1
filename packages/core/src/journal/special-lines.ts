import { canonicalLabels } from "../series/dictionary.ts";
import { formatNativeHistogram, parseNativeHistogram } from "../series/native-histogram.ts";
import type { EpochMs, Exemplar, MetricFamily, NativeHistogram } from "../series/series.ts";
import { formatValue, parseNumber } from "../text-format/number.ts";

/**
 * What a frame says beyond the text format, in lines that are comments to everyone else:
 *
 * ```
 * #~ histogram h_seconds{a="b"} {"schema":3,"count":1,"sum":2.5,"positive":[[4,1]]} 1759761000000
 * #~ stale gone_total 1759761000000
 * jobs_total 5 1759761000000
 * #~ exemplar {"trace_id":"4bf9"} 1 1759760999750
 * #~ start 1759760000000
 * ```
 *
 * A native histogram (as `formatNativeHistogram` writes it) and a stale marker are samples in their own right, each
 * with series and timestamp; exemplars and the start time belong to the sample above them. An exemplar without
 * a timestamp has `-` in its place. Each line has one form only; parts are parted by one blank.
 */
export const SPECIAL_MARK = "#~ ";
/** How lines begin that are samples. */
export const HISTOGRAM_MARK = "#~ histogram ";
export const STALE_MARK = "#~ stale ";
const EXEMPLAR_MARK = "#~ exemplar ";
const START_MARK = "#~ start ";

/** The line in place of a sample that is no number. */
export function formatSpecial(special: NativeHistogram | null, series: string, timestampMs: EpochMs): string {
  return special === null
    ? `${STALE_MARK}${series} ${timestampMs}\n`
    : `${HISTOGRAM_MARK}${series} ${formatNativeHistogram(special)} ${timestampMs}\n`;
}

/** The lines behind a sample: its exemplars, and then since when it counts. */
export function formatAsides({ exemplars, startsMs }: MetricFamily, row: number): string {
  let text = "";
  for (const exemplar of exemplars?.get(row) ?? []) text += formatExemplar(exemplar);
  const startMs = startsMs?.get(row);
  return startMs === undefined ? text : `${text}${START_MARK}${startMs}\n`;
}

function formatExemplar({ labels, value, timestampMs }: Exemplar): string {
  const pairs = canonicalLabels(labels).map(
    ({ name, value: text }) => `${JSON.stringify(name)}:${JSON.stringify(text)}`,
  );
  const time = Number.isNaN(timestampMs) ? "-" : String(timestampMs);
  return `${EXEMPLAR_MARK}{${pairs.join(",")}} ${formatValue(value)} ${time}\n`;
}

/** One `#~` line, read. */
export type SpecialLine =
  | {
      readonly kind: "sample";
      readonly special: NativeHistogram | null;
      readonly series: string;
      readonly timestampMs: EpochMs;
    }
  | { readonly kind: "exemplar"; readonly exemplar: Exemplar }
  | { readonly kind: "start"; readonly startMs: EpochMs };

/**
 * Reads a line without its line feed.
 *
 * @throws {RangeError} It is none of the lines above.
 */
export function parseSpecialLine(line: string): SpecialLine {
  if (line.startsWith(HISTOGRAM_MARK)) {
    const [rest, time] = cutLast(line.slice(HISTOGRAM_MARK.length), line);
    const [series, histogram] = cutLast(rest, line);
    return {
      kind: "sample",
      special: parseNativeHistogram(histogram),
      series,
      timestampMs: timeOf(time, line),
    };
  }
  if (line.startsWith(STALE_MARK)) {
    const [series, time] = cutLast(line.slice(STALE_MARK.length), line);
    return { kind: "sample", special: null, series, timestampMs: timeOf(time, line) };
  }
  if (line.startsWith(EXEMPLAR_MARK)) return { kind: "exemplar", exemplar: parseExemplar(line) };
  if (line.startsWith(START_MARK))
    return { kind: "start", startMs: timeOf(line.slice(START_MARK.length), line) };
  throw unreadable(line);
}

function parseExemplar(line: string): Exemplar {
  const [rest, time] = cutLast(line.slice(EXEMPLAR_MARK.length), line);
  const [labels, number] = cutLast(rest, line);
  const value = parseNumber(number);
  if (value === undefined) throw unreadable(line);
  const exemplar: Exemplar = {
    labels: canonicalLabels(
      Object.entries(parseObject(labels, line)).map(([name, text]) => ({ name, value: String(text) })),
    ),
    value,
    timestampMs: time === "-" ? Number.NaN : Number(time),
  };
  if (formatExemplar(exemplar) !== `${line}\n`) throw unreadable(line);
  return exemplar;
}

function parseObject(text: string, line: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below.
  }
  throw unreadable(line);
}

/** What stands before and behind the last blank. */
function cutLast(text: string, line: string): [before: string, behind: string] {
  const at = text.lastIndexOf(" ");
  if (at <= 0) throw unreadable(line);
  return [text.slice(0, at), text.slice(at + 1)];
}

function timeOf(text: string, line: string): EpochMs {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) throw unreadable(line);
  return Number(text);
}

function unreadable(line: string): RangeError {
  return new RangeError(
    `expected a native histogram, stale marker, exemplar or start time, got ${JSON.stringify(line.slice(0, 200))}`,
  );
}
