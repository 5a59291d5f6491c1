import { join } from "node:path";
import type { EpochMs, MetricFamily } from "../series/index.ts";
import { type CarriedFamilies, carryForward } from "./carry-forward.ts";
import type { Damage, PendingTail, UnsupportedFrame } from "./damage.ts";
import { isPacked } from "./day-file.ts";
import { createFrameDecoder } from "./decode-frame.ts";
import type { Frame, FrameRef } from "./frame.ts";
import { indexFiles } from "./index-files.ts";
import { errorNumber, JournalError, systemFailure } from "./journal-error.ts";
import { type FileStat, type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import { unpackFrame } from "./packed-frames.ts";
import { isSameFrame, scanFrames } from "./scan-frames.ts";

/** One day file, as it was when the index was made. */
export interface JournalFile {
  /** Inside the journal's directory. */
  readonly name: string;
  /** `2025-10-06`. */
  readonly day: string;
  /** The same for two looks at the same file. */
  readonly identity: string;
  readonly sizeBytes: number;
  readonly modifiedMs: EpochMs;
  /** Whether no more frames are expected in it; see `isClosed`. */
  readonly closed: boolean;
  /** Valid frames in it, repeated ones included. */
  readonly frameCount: number;
  /** Its end, where that is no whole frame and may still become one. */
  readonly pending?: PendingTail;
  /** Why it could not be read. Its frames are missing from the index. */
  readonly error?: JournalError;
}

export interface JournalIndex {
  /** By time, session and number; each session and number once. */
  readonly frames: readonly FrameRef[];
  /** Frames later than now + 10 min, or before 2020: a clock was wrong. Never to be sent as they are. */
  readonly held: readonly FrameRef[];
  readonly damage: readonly Damage[];
  /** Frames of a later version, or of a kind that is not read yet. */
  readonly unsupported: readonly UnsupportedFrame[];
  /** By name. */
  readonly files: readonly JournalFile[];
}

/** Reads a directory of day files. Never writes, takes no lock; writers may be at work. */
export interface Journal {
  readonly dir: string;
  readonly fs: JournalFs;
  /**
   * Finds every frame of `YYYY-MM-DD*.prom` and `YYYY-MM-DD*.prom.gz`, anew at each call. Memory grows with the number of frames,
   * not of samples. A missing directory is an empty journal; a file that can't be read is said in `files`;
   * folders are passed over.
   *
   * @throws {JournalError} The directory can't be read.
   */
  index(): Promise<JournalIndex>;
  /**
   * One frame with its samples. Equal series are the same object in all frames of this Journal.
   *
   * @throws {JournalError} `ERR_JOURNAL_GONE`, `ERR_JOURNAL_DAMAGED`: the file has changed since.
   */
  read(ref: FrameRef): Promise<Frame>;
}

export interface JournalOptions {
  readonly fs?: JournalFs;
  /** Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Which day files belong to it, by name. Default: all. */
  readonly includes?: (name: string) => boolean;
  /**
   * Of how many sessions the state after the frame read last is kept, for the `changes` frames that follow; others
   * are read again from their last full frame on. Default 64.
   */
  readonly sessionsKept?: number;
}

const SESSIONS_KEPT = 64;

const NO_BYTES = new Uint8Array();

/** Frames are mostly read in order: so much is read at once, or one frame that is longer. */
const STRETCH_BYTES = 4 * 1024 * 1024;
/** Memory for a longer frame is not kept for the next. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Bytes of a file as they were read last. */
interface Stretch {
  readonly file: string;
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
  /** The file once they had been read. */
  readonly readFrom: FileStat | undefined;
  /** The memory that the bytes lie in. */
  readonly room: Uint8Array;
}

const NO_STRETCH: Stretch = {
  file: "",
  offsetBytes: 0,
  bytes: NO_BYTES,
  readFrom: undefined,
  room: NO_BYTES,
};

/** The journal in a directory, which need not exist yet. */
export function openJournal(dir: string, options: JournalOptions = {}): Journal {
  const { fs = nodeJournalFs, now = Date.now, includes, sessionsKept = SESSIONS_KEPT } = options;
  const decode = createFrameDecoder();
  let kept = NO_STRETCH;
  /** By session, the one read last at the end. */
  const lastRead = new Map<string, { readonly ref: FrameRef; readonly state: CarriedFamilies }>();

  /** What the frame itself lists. */
  async function readListed(ref: FrameRef): Promise<readonly MetricFamily[]> {
    const path = join(dir, ref.file);
    // One read at a time has the kept memory; a frame's bytes are let go by the decoder.
    const before = kept;
    kept = NO_STRETCH;
    let stretch = before;
    let bytes = frameOf(stretch, ref);
    if (bytes === undefined) {
      stretch = await readStretch(fs, path, ref, before.room);
      bytes = frameOf(stretch, ref);
    }
    if (bytes === undefined) throw damaged(path, ref, "it no longer stands there");
    try {
      return decode(bytes);
    } catch (error) {
      throw damaged(path, ref, error instanceof Error ? error.message.slice(0, 200) : "unreadable", error);
    } finally {
      if (stretch.room.length <= KEPT_BYTES) kept = stretch;
    }
  }

  /** Frames are mostly read in order, so that the one before is at hand; otherwise it is read again. */
  async function readCarried(ref: FrameRef): Promise<CarriedFamilies> {
    const missing: FrameRef[] = [];
    let state: CarriedFamilies | undefined;
    for (let at: FrameRef | undefined = ref; at !== undefined && state === undefined; at = at.base) {
      const last = lastRead.get(at.header.session);
      if (last !== undefined && isOneFrame(last.ref, at)) state = last.state;
      else missing.push(at);
    }
    for (const each of missing.reverse()) {
      const families = await readListed(each);
      const { kind, writtenMs } = each.header;
      state =
        state === undefined
          ? { families, partial: kind === "changes" }
          : carryForward(state, families, writtenMs);
    }
    const { session, exit } = ref.header;
    lastRead.delete(session);
    if (!exit) lastRead.set(session, { ref, state: state! });
    for (const [oldest] of lastRead) {
      if (lastRead.size <= sessionsKept) break;
      lastRead.delete(oldest);
    }
    return state!;
  }

  return {
    dir,
    fs,
    index: () => indexFiles(dir, fs, now(), includes),
    async read(ref) {
      const { families, partial } = await readCarried(ref);
      return { header: ref.header, info: ref.info, families, ...(partial && { partial }) };
    },
  };
}

function isOneFrame(a: FrameRef, b: FrameRef): boolean {
  return a.header.seq === b.header.seq && a.file === b.file && a.offsetBytes === b.offsetBytes;
}

/** The frame's own bytes, if it still stands there. */
function frameBytes(
  stored: Uint8Array,
  ref: FrameRef,
  readFrom: FileStat | undefined,
): Uint8Array | undefined {
  if (!isPacked(ref.file)) {
    return isUnchanged(ref.validIn, readFrom) || isSameFrame(stored, ref) ? stored : undefined;
  }
  const bytes = unpackFrame(stored)?.content ?? NO_BYTES;
  const [found] = scanFrames(bytes).frames;
  const { session, seq } = ref.header;
  if (found?.header.session !== session || found.header.seq !== seq) return undefined;
  // A damaged member may hold more than its frame.
  return bytes.subarray(found.offsetBytes, found.offsetBytes + found.lengthBytes);
}

/** Whether nobody has written to the file between these looks: nothing of it needs to be checked again. */
function isUnchanged(before: FileStat | undefined, after: FileStat | undefined): boolean {
  return (
    before !== undefined &&
    before.identity === after?.identity &&
    before.sizeBytes === after.sizeBytes &&
    before.modifiedMs === after.modifiedMs
  );
}

/** The frame, if all of it stands in the stretch. */
function frameOf({ file, offsetBytes, bytes, readFrom }: Stretch, ref: FrameRef): Uint8Array | undefined {
  const start = ref.offsetBytes - offsetBytes;
  if (file !== ref.file || start < 0 || start + ref.lengthBytes > bytes.length) return undefined;
  return frameBytes(bytes.subarray(start, start + ref.lengthBytes), ref, readFrom);
}

/** Reads the frame, and what follows it as far as there is room. */
async function readStretch(
  fs: JournalFs,
  path: string,
  { file: name, offsetBytes, lengthBytes }: FrameRef,
  before: Uint8Array,
): Promise<Stretch> {
  try {
    const file = await fs.openRead(path);
    try {
      const { sizeBytes } = await file.stat();
      const wantedBytes = Math.max(lengthBytes, Math.min(sizeBytes - offsetBytes, STRETCH_BYTES));
      const room = before.length < wantedBytes ? Buffer.allocUnsafeSlow(wantedBytes) : before;
      let length = 0;
      while (length < lengthBytes) {
        const count = await file.read(room.subarray(length), offsetBytes + length);
        if (count === 0) break;
        length += count;
      }
      return { file: name, offsetBytes, bytes: room.subarray(0, length), readFrom: await file.stat(), room };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorNumber(error) !== "ENOENT") throw systemFailure("read", path, error);
    throw new JournalError("ERR_JOURNAL_GONE", `cannot read ${path}: it is no longer there`, path, error);
  }
}

function damaged(path: string, ref: FrameRef, why: string, cause?: unknown): JournalError {
  const { session, seq } = ref.header;
  const frame = `frame ${seq} of session ${session} at byte ${ref.offsetBytes} of ${path}`;
  return new JournalError("ERR_JOURNAL_DAMAGED", `cannot read ${frame}: ${why}`, path, cause);
}
