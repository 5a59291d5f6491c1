import { randomBytes as nodeRandomBytes } from "node:crypto";
import { join } from "node:path";
import type { EpochMs, MetricFamily } from "../series/series.ts";
import { appendDurably, appendNow } from "./append-bytes.ts";
import { changedFamilies, type FrameBase } from "./changed-families.ts";
import { type DayBoundary, dayFileName } from "./day-file.ts";
import { createFrameMemory, encodeFrame, type FrameMemory, MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { ConsentGrant, FrameHeader, FrameOrigin, SessionInfo } from "./frame.ts";
import { errorNumber, isForbidden, JournalError, systemFailure } from "./journal-error.ts";
import { type FileStat, type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import type { Segments } from "./segments.ts";
import { createSessionClock, MAX_CLOCK_DRIFT_MS, type SessionClock } from "./session-clock.ts";
import { appendsAreShared } from "./shared-append.ts";

/** A session's info; without `startedMs`, the session's clock says it. */
export type WriterInfo = Omit<SessionInfo, "startedMs" | "lost"> & { readonly startedMs?: EpochMs };

export interface JournalWriterOptions {
  /** Where the day files lie; made with mode 0700 at the first write. */
  readonly dir: string;
  /** Eight lower-case hexadecimal digits. Default: drawn. */
  readonly session?: string;
  readonly origin: FrameOrigin;
  readonly consent: ConsentGrant;
  readonly info: WriterInfo;
  /** Default `local`. */
  readonly dayBoundary?: DayBoundary;
  /**
   * Where given, frames go to its segments instead of the day's file; `writeSync` then uses a file of the session's
   * own. Of the same directory and day boundary.
   */
  readonly segments?: Segments;
  readonly fs?: JournalFs;
  /** The wall clock. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** Draws session names. Default `node:crypto`. */
  readonly randomBytes?: (size: number) => Uint8Array;
  /** Default `process.platform`. */
  readonly platform?: NodeJS.Platform;
}

export interface FrameToWrite {
  /**
   * `start` says that every series counts from zero, and has no samples. `full` takes every series of the
   * session; the frame becomes one of `kind=changes` where that says the same in less space.
   */
  readonly kind: "start" | "full";
  /**
   * Not to be changed afterwards. Samples without a timestamp get the frame's. Series that were in the
   * frame before have to be the same objects; where they aren't, every frame is a full one.
   */
  readonly families: readonly MetricFamily[];
  /** Whether the session ends with this frame. Default false. */
  readonly exit?: boolean;
  /** The frame's time. Default: the session's clock. Moved to 1 ms after the last frame where it is not later. */
  readonly atMs?: EpochMs;
  /** Replaces the session's info from this frame on. */
  readonly info?: WriterInfo;
}

export interface WriteResult {
  readonly session: string;
  readonly seq: number;
  readonly writtenMs: EpochMs;
  /** File name inside the journal's directory. */
  readonly file: string;
}

/** Appends one session's frames to the day files. Any number of writers, in any processes, may share a directory. */
export interface JournalWriter {
  readonly dir: string;
  /** The session that the last frame belongs to; another one after the wall clock was moved. */
  readonly session: string;
  /**
   * Resolves once the frame is on the disk. Number and time are taken at the call; frames are written
   * in the order of the calls.
   *
   * Where wall clock and session clock stand more than 60 s apart and `atMs` is not given, the session
   * ends with these families as its exit frame, and a new session begins with the same families, in
   * one write (`origin=scrape` gets no exit frame: its samples have times of their own).
   *
   * @throws {JournalError} Nothing is known to be written. The next write stands alone.
   * @throws {RangeError} The frame has no place in the format.
   */
  write(frame: FrameToWrite): Promise<WriteResult>;
  /**
   * One append without waiting for the disk, for the end of the process. Frames whose `write` has not
   * resolved yet go with it once more, under their numbers.
   *
   * @throws As {@link JournalWriter.write}.
   */
  writeSync(frame: FrameToWrite): WriteResult;
  /** Resolves when every write before has ended; later ones throw `ERR_JOURNAL_CLOSED`. */
  close(): Promise<void>;
}

interface Session {
  readonly name: string;
  readonly clock: SessionClock;
  nextSeq: number;
  lastMs: EpochMs;
}

/** A frame with its place in the session, not yet bytes. */
interface Draft {
  readonly header: FrameHeader;
  readonly info: SessionInfo;
  readonly families: readonly MetricFamily[];
}

/** What this writer knows of the file it wrote to last. */
interface KnownFile {
  readonly path: string;
  readonly identity: string;
  readonly sizeBytes: number;
  /** By session: the info last written, and how often. */
  readonly told: ReadonlyMap<string, { readonly json: string; readonly copies: number }>;
  /** By session: the last frame with samples. */
  readonly bases: ReadonlyMap<string, FrameBase>;
}

/** One damaged frame shall not cost the info of a whole day. */
const INFO_COPIES = 2;

/** A writer for a new session. Touches nothing before the first write. */
export function createJournalWriter(options: JournalWriterOptions): JournalWriter {
  const { dir, origin, consent, dayBoundary = "local", fs = nodeJournalFs } = options;
  const { segments, randomBytes = nodeRandomBytes, platform = process.platform } = options;
  let info = options.info;
  let session = openSession(options.session);
  let known: KnownFile | undefined;
  let shared: boolean | undefined;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  /** Until it is on the disk, the start frame goes with each write: without it the first counts are lost. */
  let owedStart: Draft | undefined;
  const inFlight = new Set<Draft>();
  const memory = createFrameMemory();

  function openSession(name = Buffer.from(randomBytes(4)).toString("hex")): Session {
    return { name, clock: createSessionClock(options), nextSeq: 0, lastMs: Number.NEGATIVE_INFINITY };
  }

  function draft(frame: FrameToWrite, owner: Session): Draft {
    const atMs = Math.max(frame.atMs ?? owner.clock.now(), owner.lastMs + 1);
    const base = { writtenMs: atMs, session: owner.name, seq: owner.nextSeq };
    const header: FrameHeader = { ...base, kind: frame.kind, origin, consent, exit: frame.exit ?? false };
    const startedMs = info.startedMs ?? owner.clock.startedMs;
    const made: Draft = { header, info: { ...info, startedMs }, families: frame.families };
    owner.nextSeq++;
    owner.lastMs = atMs;
    if (frame.kind === "start") owedStart = made;
    return made;
  }

  /** The frames that one call writes: one, or two where the clock was moved. */
  function draftAll(frame: FrameToWrite): Draft[] {
    if (closed) throw new JournalError("ERR_JOURNAL_CLOSED", `the writer for ${dir} is closed`, dir);
    if (frame.kind === "start" && frame.families.length > 0)
      throw new RangeError("a start frame has no samples");
    if (frame.info !== undefined) info = frame.info;
    const moved = Math.abs(session.clock.driftMs()) > MAX_CLOCK_DRIFT_MS;
    if (!moved || frame.atMs !== undefined || frame.exit === true) return [draft(frame, session)];
    const ended = session;
    // A start time that the caller gave was read from the clock that has been moved since.
    const { startedMs: _, ...rest } = info;
    const closing = ended.nextSeq > 0 && origin === "app" ? [draft({ ...frame, exit: true }, ended)] : [];
    info = rest;
    session = openSession(ended.nextSeq === 0 ? ended.name : undefined);
    return [...closing, draft(frame, session)];
  }

  /** The frames' bytes for one file, and what will be known of that file once they stand in it. */
  function encode(
    drafts: readonly Draft[],
    path: string,
    file: FileStat,
    own: FrameMemory,
  ): { bytes: Uint8Array; after: KnownFile } {
    const before = isKnown(path, file) ? known : undefined;
    const told = new Map(before?.told);
    const bases = new Map(before?.bases);
    const frames = drafts.map(({ header, info: draftInfo, families }) => {
      const json = JSON.stringify(draftInfo);
      const last = told.get(header.session);
      const copies = last?.json === json ? last.copies : 0;
      if (copies < INFO_COPIES) told.set(header.session, { json, copies: copies + 1 });
      const listed = listedAfter(bases.get(header.session), header, families);
      if (header.kind === "full") bases.set(header.session, listed.base);
      const ownInfo = copies < INFO_COPIES ? draftInfo : undefined;
      const frame = encodeFrame(listed.header, ownInfo, listed.families, own);
      if (frame.length <= MAX_FRAME_BYTES) return drafts.length === 1 ? frame : Buffer.from(frame);
      const size = `${frame.length} bytes, at most ${MAX_FRAME_BYTES} are allowed`;
      throw new JournalError("ERR_JOURNAL_TOO_LARGE", `cannot append a frame of ${size}, to ${path}`, path);
    });
    const bytes = frames.length === 1 ? frames[0]! : Buffer.concat(frames);
    return {
      bytes,
      after: { path, identity: file.identity, sizeBytes: file.sizeBytes + bytes.length, told, bases },
    };
  }

  /** A smaller file under the same inode is another file: the number was given away again. */
  function isKnown(path: string, file: FileStat): boolean {
    return known?.path === path && known.identity === file.identity && file.sizeBytes >= known.sizeBytes;
  }

  function dayFile(drafts: readonly Draft[], part?: string): string {
    return dayFileName(drafts.at(-1)!.header.writtenMs, dayBoundary, part);
  }

  async function appendToDay(drafts: readonly Draft[], part?: string): Promise<string> {
    try {
      const file = dayFile(drafts, part);
      await append(drafts, file);
      return file;
    } catch (error) {
      if (part === undefined && isTaken(error)) return appendToDay(drafts, ownerOf(drafts));
      throw error;
    }
  }

  async function append(drafts: readonly Draft[], file: string): Promise<KnownFile> {
    const path = join(dir, file);
    let after: KnownFile | undefined;
    const bytesFor = (stat: FileStat) => {
      const encoded = encode(drafts, path, stat, memory);
      after = encoded.after;
      return encoded.bytes;
    };
    try {
      await appendDurably(fs, path, bytesFor, (stat) => (isKnown(path, stat) ? undefined : dir));
    } catch (error) {
      throw error instanceof RangeError ? error : systemFailure("append to", path, error);
    }
    known = after;
    return after!;
  }

  function appendSync(drafts: readonly Draft[], part?: string): string {
    const file = dayFile(drafts, part);
    const path = join(dir, file);
    // Bytes of its own: those of a write that has not ended may still be read.
    const own = createFrameMemory(memory.heads);
    try {
      appendNow(fs, path, (stat) => encode(drafts, path, stat, own).bytes);
    } catch (error) {
      if (part === undefined && isTaken(error)) return appendSync(drafts, ownerOf(drafts));
      throw error instanceof RangeError ? error : systemFailure("append to", path, error);
    }
    return file;
  }

  function appendSomewhere(frames: readonly Draft[], isShared: boolean): Promise<string> {
    if (segments === undefined) return appendToDay(frames, isShared ? undefined : ownerOf(frames));
    const { writtenMs } = frames.at(-1)!.header;
    return segments.append(writtenMs, isShared, async (file) => (await append(frames, file)).sizeBytes);
  }

  async function commit(drafts: readonly Draft[]): Promise<string> {
    try {
      await fs.makeDirectory(dir);
      shared ??= appendsAreShared(await fs.fileSystemType(dir).catch(() => 0), platform);
    } catch (error) {
      throw systemFailure("make the directory", dir, error);
    }
    const frames = owedStart === undefined || drafts.includes(owedStart) ? drafts : [owedStart, ...drafts];
    const file = await appendSomewhere(frames, shared);
    if (owedStart !== undefined && frames.includes(owedStart)) owedStart = undefined;
    return file;
  }

  /** 0 stands for a file system that nobody knows. */
  function typeSync(): number {
    try {
      return fs.fileSystemTypeSync(dir);
    } catch {
      return 0;
    }
  }

  return {
    dir,
    get session() {
      return session.name;
    },
    async write(frame) {
      const before = session;
      const drafts = draftAll(frame);
      for (const one of drafts) inFlight.add(one);
      const turn = queue.then(() => commit(drafts));
      queue = turn.catch(() => undefined);
      try {
        return resultOf(drafts, await turn);
      } catch (error) {
        // The session that could not end goes on; the next write ends it.
        if (drafts.length > 1) session = before;
        throw error;
      } finally {
        for (const one of drafts) inFlight.delete(one);
      }
    },
    writeSync(frame) {
      const drafts = draftAll(frame);
      try {
        fs.makeDirectorySync(dir);
        shared ??= appendsAreShared(typeSync(), platform);
      } catch (error) {
        throw systemFailure("make the directory", dir, error);
      }
      const unsettled = new Set([...(owedStart === undefined ? [] : [owedStart]), ...inFlight, ...drafts]);
      const isDays = shared && segments === undefined;
      return resultOf(drafts, appendSync([...unsettled], isDays ? undefined : ownerOf(drafts)));
    },
    async close() {
      closed = true;
      await queue;
    },
  };
}

interface ListedFrame {
  readonly header: FrameHeader;
  readonly families: readonly MetricFamily[];
  /** What the session's next frame can build on. */
  readonly base: FrameBase;
}

/** The frame as it goes into a file where `base` is the session's last frame. */
function listedAfter(
  base: FrameBase | undefined,
  header: FrameHeader,
  families: readonly MetricFamily[],
): ListedFrame {
  const { kind, exit, seq, writtenMs } = header;
  const changed =
    base === undefined || kind !== "full" || exit ? undefined : changedFamilies(base, header, families);
  if (base === undefined || changed === undefined) {
    return { header, families, base: { seq, fullMs: writtenMs, families } };
  }
  return {
    header: { ...header, kind: "changes", base: base.seq },
    families: changed,
    base: { seq, fullMs: base.fullMs, families },
  };
}

/** Whether the day's file is not this session's to write: another user's, or a folder. */
function isTaken(error: unknown): boolean {
  const cause = error instanceof JournalError ? error.cause : error;
  return isForbidden(cause) || errorNumber(cause) === "EISDIR";
}

/** The session whose own file takes these frames where the day's file can't. */
function ownerOf(drafts: readonly Draft[]): string {
  return drafts.at(-1)!.header.session;
}

function resultOf(drafts: readonly Draft[], file: string): WriteResult {
  const { session, seq, writtenMs } = drafts.at(-1)!.header;
  return { session, seq, writtenMs, file };
}
