import { join } from "node:path";
import type { EpochMs } from "../series/series.ts";
import type { Damage, UnsupportedFrame } from "./damage.ts";
import { dayOfFile, isClosed, isPacked } from "./day-file.ts";
import { MAX_FRAME_BYTES } from "./encode-frame.ts";
import type { FrameHeader, FrameRef, SessionInfo } from "./frame.ts";
import type { JournalFile, JournalIndex } from "./journal.ts";
import { errorNumber, systemFailure } from "./journal-error.ts";
import type { FileStat, JournalFs } from "./journal-fs.ts";
import { readFrames } from "./read-frames.ts";
import { readPacked } from "./read-packed.ts";
import type { FrameScan, ScannedDamage, ScannedFrame } from "./scan-frames.ts";

const FUTURE_MS = 600_000;
const EARLIEST_MS: EpochMs = Date.UTC(2020, 0, 1);
/** For a session of which every frame with its info is lost. */
const ASSUMED_INTERVAL_MS = 300_000;

/** When a frame may be sent: at once, from an instant on, or never, where a wrong clock dated it. */
export function sendableFromMs({ writtenMs }: FrameHeader): EpochMs {
  if (writtenMs < EARLIEST_MS) return Number.POSITIVE_INFINITY;
  return writtenMs - FUTURE_MS;
}

/** Stands in for the info of a session that is lost. */
export function assumedInfo({ writtenMs }: FrameHeader): SessionInfo {
  return { startedMs: writtenMs, intervalMs: ASSUMED_INTERVAL_MS, lost: true };
}

interface ScannedFile extends FrameScan {
  readonly file: JournalFile;
}

interface PlacedFrame extends ScannedFrame {
  readonly file: string;
  readonly validIn: FileStat;
}

/** Builds the index of a journal's directory; see `Journal.index`. */
export async function indexFiles(
  dir: string,
  fs: JournalFs,
  now: EpochMs,
  includes: (name: string) => boolean = () => true,
): Promise<JournalIndex> {
  const scans: ScannedFile[] = [];
  for (const name of (await dayFiles(dir, fs)).filter(includes)) {
    const scan = await scanFile(dir, name, fs, now);
    if (scan !== undefined) scans.push(scan);
  }
  const placed = scans.flatMap(({ file, frames }) =>
    frames.map((frame) => ({ ...frame, file: file.name, validIn: file })),
  );
  const { unique, conflicts } = dropRepeated(placed);
  const refs = withBases(withInfo(unique, placed));
  const isHeld = ({ header }: FrameRef) => sendableFromMs(header) > now;
  return {
    frames: refs.filter((ref) => !isHeld(ref)),
    held: refs.filter(isHeld),
    damage: [...damageOf(scans, unique), ...conflicts],
    unsupported: scans.flatMap(({ file, unsupported }): UnsupportedFrame[] =>
      unsupported.map((one) => ({ file: file.name, ...one })),
    ),
    files: scans.map(({ file }) => file),
  };
}

async function dayFiles(dir: string, fs: JournalFs): Promise<string[]> {
  try {
    const names = await fs.readDirectory(dir);
    return names.filter((name) => dayOfFile(name) !== undefined).sort();
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return [];
    throw systemFailure("read the directory", dir, error);
  }
}

/** Undefined for a file that was removed meanwhile, and for a folder. */
async function scanFile(
  dir: string,
  name: string,
  fs: JournalFs,
  now: EpochMs,
): Promise<ScannedFile | undefined> {
  const path = join(dir, name);
  const day = dayOfFile(name)!;
  try {
    const open = await fs.openRead(path);
    try {
      const stat = await open.stat();
      if (stat.isDirectory) return undefined;
      const packed = isPacked(name);
      const scan = packed
        ? await readPacked(open, stat.sizeBytes, path)
        : await readFrames(open, stat.sizeBytes);
      // Only closed days are compressed, and nothing appends to them.
      const closed = packed || isClosed(day, now, stat.modifiedMs);
      const { pending, frames } = scan;
      const settled = closed || (pending?.lengthBytes ?? 0) > MAX_FRAME_BYTES;
      const file: JournalFile = { name, day, ...stat, closed, frameCount: frames.length };
      if (pending === undefined) return { ...scan, file };
      if (!settled) return { ...scan, file: { ...file, pending } };
      const torn: ScannedDamage = { ...pending, reason: "torn" };
      return { ...scan, pending: undefined, damage: [...scan.damage, torn], file };
    } finally {
      await open.close();
    }
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return undefined;
    const none = { frames: [], damage: [], unsupported: [], pending: undefined };
    const unknown = { identity: "", sizeBytes: 0, modifiedMs: 0, closed: false, frameCount: 0 };
    return { ...none, file: { name, day, ...unknown, error: systemFailure("read", path, error) } };
  }
}

/** The first copy of each frame, in order of time; copies that differ in time are two sessions of one name. */
function dropRepeated(placed: readonly PlacedFrame[]): { unique: PlacedFrame[]; conflicts: Damage[] } {
  const first = new Map<string, PlacedFrame>();
  const conflicts: Damage[] = [];
  for (const frame of placed) {
    const known = first.get(frameKey(frame.header));
    if (known === undefined) first.set(frameKey(frame.header), frame);
    else if (known.header.writtenMs !== frame.header.writtenMs) {
      const { file, offsetBytes, lengthBytes, header } = frame;
      const { session, seq } = header;
      conflicts.push({ file, offsetBytes, lengthBytes, reason: "conflict", session, seq, recovered: false });
    }
  }
  return { unique: [...first.values()].sort(byTime), conflicts };
}

type Headed = Pick<PlacedFrame, "header">;

function byTime({ header: a }: Headed, { header: b }: Headed): number {
  if (a.writtenMs !== b.writtenMs) return a.writtenMs - b.writtenMs;
  if (a.session !== b.session) return a.session < b.session ? -1 : 1;
  return a.seq - b.seq;
}

/** Gives each frame its session's info as of its number: the last one before it, else the next one after it. */
function withInfo(unique: readonly PlacedFrame[], placed: readonly PlacedFrame[]): FrameRef[] {
  const written = new Map<string, { seq: number; info: SessionInfo }[]>();
  for (const { header, info } of placed) {
    if (info === undefined) continue;
    const known = written.get(header.session);
    if (known === undefined) written.set(header.session, [{ seq: header.seq, info }]);
    else known.push({ seq: header.seq, info });
  }
  for (const [session, infos] of written) written.set(session, changesOf(infos));
  const assumed = new Map<string, SessionInfo>();
  return unique.map(({ header, file, offsetBytes, lengthBytes, sampleCount, validIn }) => {
    const ref = { header, file, offsetBytes, lengthBytes, sampleCount, validIn };
    const infos = written.get(header.session);
    const info = infos?.findLast(({ seq }) => seq <= header.seq) ?? infos?.[0];
    if (info !== undefined) return { ...ref, info: info.info };
    const guess = assumed.get(header.session) ?? assumedInfo(header);
    assumed.set(header.session, guess);
    return { ...ref, info: guess };
  });
}

/** Gives each `changes` frame the one that it builds on, where that is there. */
function withBases(refs: readonly FrameRef[]): FrameRef[] {
  const bySeq = new Map<string, FrameRef>();
  return [...refs]
    .sort((a, b) => a.header.seq - b.header.seq)
    .map((ref) => {
      const { session, seq, base } = ref.header;
      const found = base === undefined ? undefined : bySeq.get(frameKey({ session, seq: base }));
      const linked = found === undefined ? ref : { ...ref, base: found };
      bySeq.set(frameKey({ session, seq }), linked);
      return linked;
    })
    .sort(byTime);
}

/** In order of number, without those that only repeat: equal info is one object, and the list stays short. */
function changesOf<T extends { seq: number; info: SessionInfo }>(infos: T[]): T[] {
  infos.sort((a, b) => a.seq - b.seq);
  let last = "";
  return infos.filter(({ info }) => {
    const json = JSON.stringify(info);
    const changed = json !== last;
    last = json;
    return changed;
  });
}

function damageOf(scans: readonly ScannedFile[], unique: readonly PlacedFrame[]): Damage[] {
  const valid = new Set(unique.map(({ header }) => frameKey(header)));
  return scans.flatMap(({ file, damage }) =>
    damage.map((one) => {
      const { session, seq } = one;
      const recovered = session !== undefined && seq !== undefined && valid.has(frameKey({ session, seq }));
      return { file: file.name, ...one, recovered };
    }),
  );
}

function frameKey({ session, seq }: { readonly session: string; readonly seq: number }): string {
  return `${session} ${seq}`;
}
