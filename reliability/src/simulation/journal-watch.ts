import { demand } from "../fault.ts";
import { type ReadFrame, readFrames } from "../frame-reader.ts";
import type { ReceiverMemory } from "./receiver-memory.ts";

/**
 * Follows a journal from outside through everything that is done to it: which frames were promised to
 * be there, which have been seen, and which may be gone because the receiver has them.
 */
export interface JournalWatch {
  /** A frame's writer said that it is on the disk. */
  acknowledge(frame: { session: string; seq: number }, state: ReadonlyMap<string, number>): void;
  /**
   * Compares the directory with what is known.
   *
   * @param afterLoss Whether frames that nobody was promised may be gone.
   * @throws {Breach} A frame that was promised is gone and was not sent, or says something else.
   */
  look(files: ReadonlyMap<string, Uint8Array>, afterLoss: boolean): void;
  /** Every frame that counts, in order of time. */
  frames(): ReadFrame[];
  readonly acknowledged: number;
}

/** @param allowsLate Whether frames may be gone that came late: their counts show in later samples. Default false. */
export function createJournalWatch(memory: ReceiverMemory, allowsLate = false): JournalWatch {
  const promised = new Map<string, ReadonlyMap<string, number>>();
  const known = new Map<string, ReadFrame>();
  return {
    acknowledge({ session, seq }, state) {
      promised.set(`${session} ${seq}`, new Map(state));
    },
    look(files, afterLoss) {
      const present = new Map(readFrames(files).map((frame) => [`${frame.session} ${frame.seq}`, frame]));
      for (const [key, frame] of present) {
        known.set(key, frame);
        const state = promised.get(key);
        if (state === undefined) continue;
        const isSame = [...state].every(([series, value]) => frame.samples.get(series) === value);
        demand(isSame && frame.whole, `frame ${key} holds other samples than its writer gave it`);
      }
      for (const key of promised.keys()) {
        demand(known.has(key), `frame ${key} was acknowledged and is nowhere`);
      }
      for (const [key, frame] of known) {
        // A start frame shows in the totals alone.
        if (present.has(key) || frame.kind === "start") continue;
        if (memory.samples.has(`app_level@${frame.writtenMs}`)) continue;
        if (allowsLate && frame.writtenMs <= memory.newestMs) continue;
        demand(!promised.has(key), `frame ${key} was acknowledged, never sent, and is gone`);
        demand(afterLoss, `frame ${key} is gone, was never sent, and no power was lost`);
        known.delete(key);
      }
    },
    frames: () =>
      [...known.values()].sort(
        (a, b) => a.writtenMs - b.writtenMs || (a.session < b.session ? -1 : 1) || a.seq - b.seq,
      ),
    get acknowledged() {
      return promised.size;
    },
  };
}
