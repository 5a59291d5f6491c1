import { randomBytes as nodeRandomBytes } from "node:crypto";
import type { EpochMs } from "../series/series.ts";
import { type DayBoundary, dayFileName } from "./day-file.ts";
import { errorNumber } from "./journal-error.ts";
import { type JournalFs, nodeJournalFs } from "./journal-fs.ts";
import {
  compareSegments,
  type SegmentPlace,
  segmentName,
  segmentPlace,
  segmentsAmong,
} from "./segment-name.ts";

export interface SegmentsOptions {
  readonly dir: string;
  /** From this size on the next frame begins a new segment. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Default `local`. */
  readonly dayBoundary?: DayBoundary;
  readonly fs?: JournalFs;
  /** Draws the part of the name that is this writer's alone, where it needs one. Default `node:crypto`. */
  readonly randomBytes?: (size: number) => Uint8Array;
}

/** The segments that one process writes: any number of {@link JournalWriter}s append to the same one in turn. */
export interface Segments {
  /**
   * Runs one append, after all that were asked for before.
   *
   * @param atMs Of the frame; another day begins a new segment.
   * @param shared Whether the file system appends what several processes write one after the other.
   * @param append Given the file's name; resolves to its size afterwards, in bytes.
   * @returns The file's name.
   */
  append(atMs: EpochMs, shared: boolean, append: (file: string) => Promise<number>): Promise<string>;
}

const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Begins a new segment at the first append, after the highest one in the directory, and again whenever it is full
 * or a day has begun. A day before that of the last segment begins none: names ascend even where a clock is set back.
 */
export function createSegments(options: SegmentsOptions): Segments {
  const { dir, maxBytes = MAX_BYTES, dayBoundary = "local", fs = nodeJournalFs } = options;
  const { randomBytes = nodeRandomBytes } = options;
  let open: { readonly place: SegmentPlace; readonly file: string; sizeBytes: number } | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  async function highest(): Promise<SegmentPlace | undefined> {
    try {
      const last = segmentsAmong(await fs.readDirectory(dir)).at(-1);
      return last === undefined ? undefined : segmentPlace(last);
    } catch (error) {
      if (errorNumber(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async function fileFor(atMs: EpochMs, shared: boolean): Promise<string> {
    const day = dayFileName(atMs, dayBoundary).slice(0, "2025-10-06".length);
    if (open !== undefined && open.sizeBytes < maxBytes && day <= open.place.day) return open.file;
    const last = open?.place ?? (await highest());
    const first = { day, number: 1 };
    const place =
      last === undefined || compareSegments(last, first) < 0 ? first : { ...last, number: last.number + 1 };
    const owner = shared ? undefined : Buffer.from(randomBytes(4)).toString("hex");
    open = { place, file: segmentName(place, owner), sizeBytes: 0 };
    return open.file;
  }

  return {
    append(atMs, shared, append) {
      const turn = queue.then(async () => {
        const file = await fileFor(atMs, shared);
        const sizeBytes = await append(file);
        if (open !== undefined) open.sizeBytes = sizeBytes;
        return file;
      });
      queue = turn.catch(() => undefined);
      return turn;
    },
  };
}
