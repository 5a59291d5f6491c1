import { crc32 } from "node:zlib";
import type { Damage, PendingTail, UnsupportedFrame } from "./damage.ts";
import { END_MARK, MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { FrameHeader, SessionInfo } from "./frame.ts";
import { type ParsedHeader, parseHeader, WRITTEN_MARK } from "./frame-header.ts";
import { parseSessionLine, SESSION_MARK } from "./session-line.ts";
import { HISTOGRAM_MARK, STALE_MARK } from "./special-lines.ts";

/** A valid frame and what stands in it besides samples. */
export interface ScannedFrame {
  readonly header: FrameHeader;
  /** What the frame's own `# Session:` line says, where it has one. */
  readonly info: SessionInfo | undefined;
  /** Of the `#` of `# Written`. */
  readonly offsetBytes: number;
  /** Up to and including the line feed of `# End`. */
  readonly lengthBytes: number;
  readonly sampleCount: number;
  readonly crc32: number;
}

/** Damage before anyone knows its file or whether the frame stands elsewhere. */
export type ScannedDamage = Omit<Damage, "file" | "recovered">;

export interface FrameScan {
  readonly frames: readonly ScannedFrame[];
  readonly damage: readonly ScannedDamage[];
  readonly unsupported: readonly Omit<UnsupportedFrame, "file">[];
  /** Bytes after the last whole frame: a write under way, or a torn one. */
  readonly pending: PendingTail | undefined;
}

/** Takes a file in pieces. State is one frame's header; the samples are only counted and summed. */
export interface FrameScanner {
  /**
   * Takes the next piece, which must end with a line feed, unless it is the file's last.
   *
   * @param bytes Not kept.
   */
  push(bytes: Uint8Array): void;
  /** Whether a frame, valid or not, has come to its end so far. */
  readonly hasFrame: boolean;
  /** What was found, once the file's last piece was pushed. */
  finish(): FrameScan;
}

interface OpenFrame {
  readonly offset: number;
  readonly header: ParsedHeader;
  readonly headerLine: string;
  infoLine: string | undefined;
  /** Whether lines of `special-lines.ts` are samples; in version 1 they are comments. */
  readonly countsSpecial: boolean;
  lines: number;
  samples: number;
  crc: number;
}

type Verdict =
  | { readonly header: FrameHeader; readonly info: SessionInfo | undefined }
  | { readonly reason: ScannedDamage["reason"] }
  | { readonly unsupported: string };

const LF = 10;
const HASH = 35;
const WRITTEN = Buffer.from(WRITTEN_MARK);
const SESSION = Buffer.from(SESSION_MARK);
const END = Buffer.from(END_MARK);
const HISTOGRAM = Buffer.from(HISTOGRAM_MARK);
const STALE = Buffer.from(STALE_MARK);
const TRAILER = /^# End: session=([0-9a-f]{8}) seq=(\d{1,15}) samples=(\d{1,15}) crc32=([0-9a-f]{8})$/;
/** Longer control lines are no header and no trailer of ours. */
const CONTROL_LINE_BYTES = 1024;

/** Finds the frames of a whole day file, or of any piece of one that begins at a line. Pure. */
export function scanFrames(bytes: Uint8Array): FrameScan {
  const scanner = createFrameScanner();
  scanner.push(bytes);
  return scanner.finish();
}

/** @param startBytes Where in its file the first piece begins: between two frames. Default 0. */
export function createFrameScanner(startBytes = 0): FrameScanner {
  const frames: ScannedFrame[] = [];
  const damage: ScannedDamage[] = [];
  const unsupported: Omit<UnsupportedFrame, "file">[] = [];
  let offset = startBytes;
  let open: OpenFrame | undefined;
  let stray = -1;
  let strayReason: "stray" | "too-large" = "stray";

  /** Files what is open under its verdict; it reaches up to `end`. */
  function settle(frame: OpenFrame, end: number, verdict: Verdict): void {
    const span = { offsetBytes: frame.offset, lengthBytes: end - frame.offset };
    if ("unsupported" in verdict) unsupported.push({ ...span, unsupported: verdict.unsupported });
    else if ("reason" in verdict) damage.push({ ...span, reason: verdict.reason, ...claimed(frame) });
    else frames.push({ ...verdict, ...span, sampleCount: frame.samples, crc32: frame.crc });
  }

  /** Ends whatever is open at `end`, where another frame begins. */
  function abandon(end: number): void {
    if (open !== undefined) settle(open, end, laterVersion(open) ?? { reason: "torn" });
    else if (stray >= 0) damage.push({ offsetBytes: stray, lengthBytes: end - stray, reason: strayReason });
    open = undefined;
    stray = -1;
  }

  function push(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let summedTo = 0;
    let start = 0;
    for (let lf = buffer.indexOf(LF); lf >= 0; lf = buffer.indexOf(LF, start)) {
      const first = buffer[start];
      if (first === HASH && startsWith(buffer, start, WRITTEN)) {
        abandon(offset + start);
        const headerLine = controlLine(buffer, start, lf);
        const header = parseHeader(headerLine);
        open = {
          offset: offset + start,
          header,
          headerLine,
          infoLine: undefined,
          countsSpecial: header.ok && header.version === 2,
          lines: 1,
          samples: 0,
          crc: 0,
        };
        summedTo = start;
      } else if (open === undefined) {
        if (lf > start && stray < 0) {
          stray = offset + start;
          strayReason = "stray";
        }
      } else if (offset + lf - open.offset > MAX_FRAME_BYTES) {
        stray = open.offset;
        strayReason = "too-large";
        open = undefined;
      } else if (first === HASH && startsWith(buffer, start, END)) {
        open.crc = crc32(buffer.subarray(summedTo, start), open.crc);
        settle(open, offset + lf + 1, judge(open, controlLine(buffer, start, lf)));
        open = undefined;
      } else {
        open.lines++;
        if (first === HASH) {
          if (open.countsSpecial && isSpecialSample(buffer, start)) open.samples++;
          else if (open.lines === 2 && startsWith(buffer, start, SESSION)) {
            open.infoLine = buffer.toString("utf8", start, lf);
          }
        } else if (lf > start) open.samples++;
      }
      start = lf + 1;
    }
    if (open !== undefined) open.crc = crc32(buffer.subarray(summedTo), open.crc);
    else if (start < buffer.length && stray < 0) {
      stray = offset + start;
      strayReason = "stray";
    }
    offset += buffer.length;
  }

  return {
    push,
    get hasFrame() {
      return frames.length + damage.length + unsupported.length > 0;
    },
    finish() {
      const tail = open?.offset ?? stray;
      const pending = tail < 0 ? undefined : { offsetBytes: tail, lengthBytes: offset - tail };
      return { frames, damage, unsupported, pending };
    },
  };
}

/**
 * Whether the bytes are the frame that was found there before, by its first line, its trailer and its checksum: lines
 * are not counted again.
 */
export function isSameFrame(bytes: Uint8Array, frame: Pick<ScannedFrame, "header" | "sampleCount">): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trailerStart = buffer.lastIndexOf(LF, -2) + 1;
  if (buffer.at(-1) !== LF || trailerStart === 0) return false;
  const { session, seq } = frame.header;
  const first = parseHeader(controlLine(buffer, 0, buffer.indexOf(LF)));
  if (!first.ok || first.header.session !== session || first.header.seq !== seq) return false;
  const trailer = TRAILER.exec(controlLine(buffer, trailerStart, buffer.length - 1));
  return (
    trailer !== null &&
    trailer[1] === session &&
    trailer[2] === String(seq) &&
    trailer[3] === String(frame.sampleCount) &&
    Number.parseInt(trailer[4]!, 16) === crc32(buffer.subarray(0, trailerStart))
  );
}

/** Whether a frame that has its trailer is valid. */
function judge(frame: OpenFrame, trailerLine: string): Verdict {
  const { header: parsed, infoLine } = frame;
  const later = laterVersion(frame);
  if (later !== undefined) return later;
  const trailer = TRAILER.exec(trailerLine);
  if (trailer === null) return { reason: "trailer" };
  if (Number.parseInt(trailer[4]!, 16) !== frame.crc) return { reason: "checksum" };
  if (!parsed.ok) {
    return parsed.unsupported === undefined ? { reason: "header" } : { unsupported: parsed.unsupported };
  }
  const { header } = parsed;
  if (trailer[1] !== header.session || trailer[2] !== String(header.seq)) return { reason: "trailer" };
  if (trailer[3] !== String(frame.samples)) return { reason: "checksum" };
  const info = infoLine === undefined ? undefined : parseSessionLine(infoLine);
  return infoLine !== undefined && info === undefined ? { reason: "session-info" } : { header, info };
}

/** A frame of another version: what its checksum covers, and whether it is torn, is for that version to say. */
function laterVersion({ header }: OpenFrame): Verdict | undefined {
  if (header.ok || !header.unsupported?.startsWith("v=")) return undefined;
  return { unsupported: header.unsupported };
}

function isSpecialSample(buffer: Buffer, start: number): boolean {
  return startsWith(buffer, start, HISTOGRAM) || startsWith(buffer, start, STALE);
}

function startsWith(buffer: Buffer, start: number, mark: Buffer): boolean {
  // Marks differ from each other and from other comments there; the comparison itself is a call into the engine.
  if (buffer[start + 2] !== mark[2]) return false;
  return buffer.compare(mark, 0, mark.length, start, Math.min(start + mark.length, buffer.length)) === 0;
}

function controlLine(buffer: Buffer, start: number, lf: number): string {
  return buffer.toString("latin1", start, Math.min(lf, start + CONTROL_LINE_BYTES));
}

/** Session and number as a damaged header gives them; they only serve to say what became of the frame. */
function claimed(frame: OpenFrame): { session?: string; seq?: number } {
  if (frame.header.ok) return { session: frame.header.header.session, seq: frame.header.header.seq };
  const match = / session=([0-9a-f]{8}) seq=(\d{1,15}) /.exec(frame.headerLine);
  return match === null ? {} : { session: match[1]!, seq: Number(match[2]) };
}
