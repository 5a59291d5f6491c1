import { crc32 } from "node:zlib";
import { nativeHistogramProblem } from "../series/native-histogram.ts";
import type { MetricFamily, Series } from "../series/series.ts";
// Not by its index: whoever only writes need not load the parsers.
import { createPageBytes, type PageBytes } from "../text-format/page-bytes.ts";
import { createSeriesHeads, type SeriesHeads } from "../text-format/series-heads.ts";
import { writeFrameText } from "../text-format/write-prometheus-text.ts";
import type { FrameHeader, SessionInfo } from "./frame.ts";
import { formatHeader } from "./frame-header.ts";
import { formatSessionLine } from "./session-line.ts";
import { formatAsides, formatSpecial } from "./special-lines.ts";

/** The largest frame that is written or read, in bytes: 64 MiB. */
export const MAX_FRAME_BYTES: number = 64 * 1024 * 1024;

/** What is kept from one frame of a session to the next. */
export interface FrameMemory {
  /** Of the series of the last full frame, and newer ones. */
  readonly heads: SeriesHeads;
  /** Where the frame is written: as large as the largest one so far, and a little more. */
  readonly page: PageBytes;
}

/** @param heads Those of another memory. Default: new ones. */
export function createFrameMemory(heads: SeriesHeads = createSeriesHeads(demandNames)): FrameMemory {
  return { heads, page: createPageBytes() };
}

/** How a frame's last line begins. */
export const END_MARK = "# End: ";

/**
 * One frame, ready to be appended: a line feed, the header, the session's info when given, the
 * exposition in the Prometheus text format 0.0.4 with a millisecond timestamp on each sample, among it what that
 * has no line for in the `#~` lines of `special-lines.ts`, and the trailer with its line feed.
 *
 * The CRC-32 covers the bytes from the `#` of `# Written` up to the `#` of `# End`.
 *
 * @param families Samples without a timestamp get the header's `writtenMs`. Exemplars and start times of `origin=app` are
 * left out: no catalogue knows their labels, and a program's start is its session's.
 * @param memory Makes further frames of the same series several times faster; the bytes are then valid until the next
 * frame is made with it. Default: nothing is remembered.
 * @throws {RangeError} What no reader would find again: a header field or session info that the format has no place for, an
 * empty metric or label name, a label `__name__`, a timestamp or start time that is not a whole number of milliseconds since 1970, a
 * native histogram with a `nativeHistogramProblem`, or samples in a `start` frame.
 */
export function encodeFrame(
  header: FrameHeader,
  info: SessionInfo | undefined,
  families: readonly MetricFamily[],
  memory: FrameMemory = createFrameMemory(),
): Uint8Array {
  for (const family of families) demandReadable(family);
  const sampleCount = countSamples(families);
  if (header.kind === "start" && sampleCount > 0) throw new RangeError("a start frame has no samples");
  const isPage = header.origin === "scrape";
  const version = families.some((family) => needsSpecialLines(family, isPage)) ? 2 : 1;
  const { page } = memory;
  page.clear();
  page.text(`\n${formatHeader(header, version)}\n`);
  if (info !== undefined) page.text(`${formatSessionLine(info)}\n`);
  writeFrameText(page, families, {
    defaultTimestampMs: header.writtenMs,
    heads: memory.heads,
    isWhole: header.kind === "full",
    ...(version === 2 && { special: formatSpecial, asides: isPage ? formatAsides : () => "" }),
  });
  const sum = crc32(page.written().subarray(1)).toString(16).padStart(8, "0");
  page.text(`${END_MARK}session=${header.session} seq=${header.seq} samples=${sampleCount} crc32=${sum}\n`);
  return page.written();
}

function needsSpecialLines({ special, exemplars, startsMs }: MetricFamily, isPage: boolean): boolean {
  return (special?.size ?? 0) > 0 || (isPage && (exemplars?.size ?? 0) + (startsMs?.size ?? 0) > 0);
}

/** Everything else that a family can hold is read back as it was, whatever its type says of it. */
function demandReadable({ name, timestampsMs, special, startsMs = NO_ROWS }: MetricFamily): void {
  if (name === "") throw new RangeError(`${place(name)} has no name`);
  for (const timestampMs of timestampsMs) {
    if (Number.isNaN(timestampMs) || (Number.isSafeInteger(timestampMs) && timestampMs >= 0)) continue;
    throw new RangeError(
      `${place(name)} has a timestamp that is no whole millisecond since 1970: ${timestampMs}`,
    );
  }
  for (const startMs of startsMs.values()) {
    if (Number.isSafeInteger(startMs) && startMs >= 0) continue;
    throw new RangeError(
      `${place(name)} has a start time that is no whole millisecond since 1970: ${startMs}`,
    );
  }
  for (const value of special?.values() ?? []) {
    const problem = value === null ? undefined : nativeHistogramProblem(value);
    if (problem !== undefined) throw new RangeError(`${place(name)} has a native histogram with ${problem}`);
  }
}

function demandNames(family: string, { name, labels }: Series): void {
  if (name === "") throw new RangeError(`${place(family)} has a sample without a name`);
  for (const label of labels) {
    if (label.name === "") throw new RangeError(`${place(family)} has a label without a name`);
    if (label.name === "__name__") throw new RangeError(`${place(family)} has a label called __name__`);
  }
}

function place(family: string): string {
  return `frame: family ${JSON.stringify(family.slice(0, 64))}`;
}

const NO_ROWS: ReadonlyMap<number, number> = new Map();

function countSamples(families: readonly MetricFamily[]): number {
  let count = 0;
  for (const family of families) count += family.series.length;
  return count;
}
