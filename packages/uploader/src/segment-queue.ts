import { join } from "node:path";
import {
  dayOfFile,
  type Journal,
  type JournalIndex,
  openJournal,
  segmentPlace,
  segmentsAmong,
  syncDays,
} from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { listLeftovers } from "./leftovers.ts";
import { errorCode } from "./state-file.ts";
import type { UploadFs } from "./upload-fs.ts";

/** A day file as the last look found it. */
export interface QueueFile {
  readonly name: string;
  readonly identity: string;
  readonly sizeBytes: number;
}

/** The directory as shipping sees it: segments, read one after the other, and day files, which are few and read whole. */
export interface SegmentQueue {
  /** Oldest first. The last one may still grow. */
  readonly segments: readonly QueueFile[];
  /** All other day files. */
  readonly others: JournalIndex;
  /** Whether day files of programs are there. */
  readonly hasOthers: boolean;
  /** Day files, quarantine and rejected samples, in bytes. */
  readonly bytes: number;
  /** The other day files as a journal. */
  readonly otherFiles: Journal;
  /**
   * Looks at the directory, unless that was less than `maxAgeMs` ago. Calls at the same time are one.
   *
   * @throws {JournalError}
   */
  refresh(maxAgeMs: number): Promise<void>;
  /** Leaves out a file that is gone. */
  remove(name: string): void;
}

export interface SegmentQueueOptions {
  readonly dir: string;
  readonly fs: UploadFs;
  readonly now: () => EpochMs;
  /** Day files of programs, which are read whole each time they have grown, are read this often at most. */
  readonly othersEveryMs: number;
}

export function createSegmentQueue({ dir, fs, now, othersEveryMs }: SegmentQueueOptions): SegmentQueue {
  const isOther = (name: string) => segmentPlace(name) === undefined;
  const otherFiles = openJournal(dir, { fs, now, includes: isOther });
  let segments: readonly QueueFile[] = [];
  let others: JournalIndex = { frames: [], held: [], damage: [], unsupported: [], files: [] };
  let bytes = 0;
  let hasOthers = false;
  let othersKnown = "";
  let othersReadMs = Number.NEGATIVE_INFINITY;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    lookedMs = now();
    const names = await readNames();
    const found: QueueFile[] = [];
    for (const name of [...segmentsAmong(names), ...names.filter(isOther)]) {
      const stat = await statOf(name);
      if (stat !== undefined) found.push({ name, ...stat });
    }
    const rest = found.filter(({ name }) => isOther(name));
    const known = JSON.stringify(rest);
    hasOthers = rest.length > 0;
    if (known !== othersKnown && Math.abs(now() - othersReadMs) >= othersEveryMs) {
      othersReadMs = now();
      others = await otherFiles.index();
      // What a destination is told must not be lost here when the power goes; segments' frames were waited for.
      await syncDays(otherFiles, others.files);
      othersKnown = known;
    }
    const leftovers = await listLeftovers(dir, fs, now());
    bytes = [...found, ...leftovers].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    segments = found.filter(({ name }) => !isOther(name));
  }

  async function readNames(): Promise<string[]> {
    try {
      return (await fs.readDirectory(dir)).filter((name) => dayOfFile(name) !== undefined);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  }

  async function statOf(name: string): Promise<Omit<QueueFile, "name"> | undefined> {
    try {
      const { identity, sizeBytes, isDirectory } = await fs.stat(join(dir, name));
      return isDirectory ? undefined : { identity, sizeBytes };
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  return {
    get segments() {
      return segments;
    },
    get others() {
      return others;
    },
    get hasOthers() {
      return hasOthers;
    },
    get bytes() {
      return bytes;
    },
    otherFiles,
    remove(name) {
      segments = segments.filter((file) => file.name !== name);
    },
    refresh(maxAgeMs) {
      if (looking === undefined && Math.abs(now() - lookedMs) < maxAgeMs) return Promise.resolve();
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}
