import type { EpochMs, Exemplar, MetricFamily, NativeHistogram } from "../series/series.ts";
import { parseSpecialLine, SPECIAL_MARK } from "./special-lines.ts";

/** In the year 144,683. A sample that is so late has a note, too, so that none is taken for another. */
const FIRST_NOTE = 2 ** 52;
const FIRST_NOTE_DIGITS = 16;

/** What the `#~` lines of a frame say of one sample. */
interface Note {
  readonly timestampMs: EpochMs;
  /** Absent where the sample's own line has its value. */
  readonly special?: NativeHistogram | null;
  readonly exemplars: Exemplar[];
  startMs?: EpochMs;
}

/** A frame whose special lines have been taken apart. */
export interface UnfoldedFrame {
  /**
   * The exposition with a line of its own for every sample, so that the parser gives each its row. In place of
   * its time, one that has a note has {@link FIRST_NOTE} plus the note's number.
   */
  readonly page: Uint8Array;
  readonly notes: readonly Note[];
}

/**
 * Takes the `#~` lines of a frame of version 2 apart.
 *
 * @throws {RangeError} A line is none of those of `special-lines.ts`, or belongs to no sample.
 */
export function unfoldSpecials(bytes: Uint8Array): UnfoldedFrame {
  // One character a byte, so that no other line changes on the way.
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1").split("\n");
  const kept: string[] = [];
  const notes: Note[] = [];
  let note: Note | undefined;
  let isBehindSample = false;
  for (const line of lines) {
    if (!line.startsWith(SPECIAL_MARK)) {
      note = undefined;
      isBehindSample = line !== "" && !line.startsWith("#");
      kept.push(line);
      if (isBehindSample && line.length - line.lastIndexOf(" ") > FIRST_NOTE_DIGITS)
        note = takeNote(kept, notes);
      continue;
    }
    const found = parseSpecialLine(Buffer.from(line, "latin1").toString());
    if (found.kind === "sample") {
      note = { timestampMs: found.timestampMs, special: found.special, exemplars: [] };
      kept.push(Buffer.from(`${found.series} NaN ${FIRST_NOTE + notes.length}`).toString("latin1"));
      notes.push(note);
      continue;
    }
    if (note === undefined) {
      if (!isBehindSample)
        throw new RangeError(`no sample stands before ${JSON.stringify(line.slice(0, 200))}`);
      note = takeNote(kept, notes);
    }
    if (found.kind === "exemplar") note.exemplars.push(found.exemplar);
    else note.startMs = found.startMs;
  }
  return { page: Buffer.from(kept.join("\n"), "latin1"), notes };
}

/** Puts a note's number in place of the last line's time. */
function takeNote(kept: string[], notes: Note[]): Note {
  const sample = kept.pop()!;
  const at = sample.lastIndexOf(" ") + 1;
  kept.push(`${sample.slice(0, at)}${FIRST_NOTE + notes.length}`);
  const note = { timestampMs: Number(sample.slice(at)), exemplars: [] };
  notes.push(note);
  return note;
}

/** The page's families with what the notes say of their rows. */
export function withNotes(
  families: readonly MetricFamily[],
  notes: readonly Note[],
): readonly MetricFamily[] {
  return families.map((family) => {
    if (!family.timestampsMs.some((timestampMs) => timestampMs >= FIRST_NOTE)) return family;
    const special = new Map<number, NativeHistogram | null>();
    const exemplars = new Map<number, readonly Exemplar[]>();
    const startsMs = new Map<number, EpochMs>();
    const timestampsMs = family.timestampsMs.map((timestampMs, row) => {
      if (timestampMs < FIRST_NOTE) return timestampMs;
      const note = notes[timestampMs - FIRST_NOTE]!;
      if (note.special !== undefined) special.set(row, note.special);
      if (note.exemplars.length > 0) exemplars.set(row, note.exemplars);
      if (note.startMs !== undefined) startsMs.set(row, note.startMs);
      return note.timestampMs;
    });
    return {
      ...family,
      timestampsMs,
      ...(special.size > 0 && { special }),
      ...(exemplars.size > 0 && { exemplars }),
      ...(startsMs.size > 0 && { startsMs }),
    };
  });
}
