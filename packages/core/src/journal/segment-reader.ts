import { join } from "node:path";
import type { EpochMs } from "../series/series.ts";
import type { Damage, UnsupportedFrame } from "./damage.ts";
import type { FrameRef } from "./frame.ts";
import { assumedInfo, sendableFromMs } from "./index-files.ts";
import { errorNumber, JournalError, systemFailure } from "./journal-error.ts";
import type { JournalFs } from "./journal-fs.ts";
import { readFrames } from "./read-frames.ts";
import type { ScannedFrame } from "./scan-frames.ts";

/** What stands in one stretch of a segment. */
export interface SegmentStretch {
  /** In the file's order, each session and number once. */
  readonly frames: readonly FrameRef[];
  /** Dated by a wrong clock. Not to be sent as they are. */
  readonly held: readonly FrameRef[];
  readonly damage: readonly Damage[];
  readonly unsupported: readonly UnsupportedFrame[];
}

/** Reads one segment from its beginning on, stretch by stretch, while it may still grow. */
export interface SegmentReader {
  readonly file: string;
  /** Up to here everything was given. */
  readonly offsetBytes: number;
  /**
   * The next stretch: about `budgetBytes`, or a single frame that is longer. Empty where nothing whole was added.
   *
   * @param isOver Whether nothing is appended to it any more: then an end that is no whole frame is damage.
   * @throws {JournalError} The file can't be read; `ERR_JOURNAL_GONE` where it is no longer there.
   */
  next(budgetBytes: number, isOver: boolean): Promise<SegmentStretch>;
  /**
   * Lets go of the frames before this one that its session's next `changes` frame would lead to. For a frame that was
   * read: its reader has the state after it.
   */
  release(ref: FrameRef): void;
}

/** Memory is one stretch's frames, and for each session a frame or, where it was not released, those since its last full one. */
export function createSegmentReader(
  { dir, fs, now }: { readonly dir: string; readonly fs: JournalFs; readonly now: () => EpochMs },
  file: string,
): SegmentReader {
  const path = join(dir, file);
  const lastOf = new Map<string, FrameRef>();
  let offsetBytes = 0;

  function place(frame: ScannedFrame): FrameRef | undefined {
    const { header, info: told, lengthBytes, sampleCount } = frame;
    const { session, seq, base } = header;
    const last = lastOf.get(session);
    // A frame is written again under its number where nobody knew whether it was there.
    if (last !== undefined && seq <= last.header.seq) return undefined;
    const known = last?.info;
    // Equal info is one object.
    const isRepeated = told === undefined || JSON.stringify(told) === JSON.stringify(known);
    const ref: FrameRef = {
      header,
      info: isRepeated && known !== undefined ? known : (told ?? assumedInfo(header)),
      file,
      offsetBytes: frame.offsetBytes,
      lengthBytes,
      sampleCount,
      ...(base !== undefined && last?.header.seq === base && { base: last }),
    };
    lastOf.set(session, ref);
    return ref;
  }

  return {
    file,
    get offsetBytes() {
      return offsetBytes;
    },
    async next(budgetBytes, isOver) {
      try {
        const open = await fs.openRead(path);
        try {
          const { sizeBytes } = await open.stat();
          const scan = await readFrames(open, sizeBytes, { fromBytes: offsetBytes, budgetBytes });
          const { pending } = scan;
          const isTorn =
            isOver && pending !== undefined && pending.offsetBytes + pending.lengthBytes >= sizeBytes;
          offsetBytes = isTorn ? pending.offsetBytes + pending.lengthBytes : scan.endBytes;
          const refs = scan.frames.flatMap((frame) => place(frame) ?? []);
          const nowMs = now();
          const damage = isTorn ? [...scan.damage, { ...pending, reason: "torn" as const }] : scan.damage;
          return {
            frames: refs.filter(({ header }) => sendableFromMs(header) <= nowMs),
            held: refs.filter(({ header }) => sendableFromMs(header) > nowMs),
            damage: damage.map((each) => ({
              file,
              ...each,
              recovered: refs.some((ref) => isSame(each, ref)),
            })),
            unsupported: scan.unsupported.map((each) => ({ file, ...each })),
          };
        } finally {
          await open.close();
        }
      } catch (error) {
        if (errorNumber(error) !== "ENOENT") throw systemFailure("read", path, error);
        throw new JournalError("ERR_JOURNAL_GONE", `cannot read ${path}: it is no longer there`, path, error);
      }
    },
    release(ref) {
      const { session } = ref.header;
      if (lastOf.get(session) !== ref) return;
      const { base: _, ...alone } = ref;
      lastOf.set(session, alone);
    },
  };
}

function isSame(damage: Pick<Damage, "session" | "seq">, { header }: FrameRef): boolean {
  return damage.session === header.session && damage.seq === header.seq;
}
