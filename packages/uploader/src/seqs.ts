/** Sets of frames, named by session and sequence number. */

/** For each session the highest frame that counts as had. */
export type Cursor = ReadonlyMap<string, number>;

/** First and last sequence number, both inside. */
export type SeqRange = readonly [first: number, last: number];

/** For each session its ranges, ascending and apart. */
export type SeqRanges = ReadonlyMap<string, readonly SeqRange[]>;

/** What names one frame. */
export interface FrameName {
  readonly session: string;
  readonly seq: number;
}

/** Whether the cursor has passed the frame. */
export function covers(cursor: Cursor, { session, seq }: FrameName): boolean {
  const highest = cursor.get(session);
  return highest !== undefined && seq <= highest;
}

/** The cursor moved on to at least these frames. */
export function raise(cursor: Cursor, frames: Iterable<FrameName>): Cursor {
  const raised = new Map(cursor);
  for (const { session, seq } of frames) {
    if (seq > (raised.get(session) ?? -1)) raised.set(session, seq);
  }
  return raised;
}

/** The last frame of each session's last range. */
export function lastFrames(ranges: SeqRanges): FrameName[] {
  return [...ranges].flatMap(([session, list]) => {
    const last = list.at(-1);
    return last ? [{ session, seq: last[1] }] : [];
  });
}

export function contains(ranges: SeqRanges, { session, seq }: FrameName): boolean {
  return ranges.get(session)?.some(([first, last]) => first <= seq && seq <= last) ?? false;
}

/**
 * The ranges with these frames added. A gap between two frames given together closes: sequence
 * numbers that no frame of the journal has are nobody's.
 */
export function withFrames(ranges: SeqRanges, frames: Iterable<FrameName>): SeqRanges {
  const added = new Map<string, SeqRange>();
  for (const { session, seq } of frames) {
    const known = added.get(session);
    added.set(session, known ? [Math.min(known[0], seq), Math.max(known[1], seq)] : [seq, seq]);
  }
  const all = new Map(ranges);
  for (const [session, range] of added) all.set(session, joined([...(all.get(session) ?? []), range]));
  return all;
}

/** The ranges without any frame of `gone`. */
export function withoutRanges(ranges: SeqRanges, gone: SeqRanges): SeqRanges {
  const rest = new Map<string, readonly SeqRange[]>();
  for (const [session, list] of ranges) {
    let left: SeqRange[] = [...list];
    for (const [first, last] of gone.get(session) ?? []) {
      left = left.flatMap(([a, b]): SeqRange[] => {
        if (last < a || first > b) return [[a, b]];
        const parts: SeqRange[] = [];
        if (a < first) parts.push([a, first - 1]);
        if (last < b) parts.push([last + 1, b]);
        return parts;
      });
    }
    if (left.length > 0) rest.set(session, left);
  }
  return rest;
}

/** For each session one range, from its beginning to the last of these frames. */
export function upTo(ranges: SeqRanges): SeqRanges {
  return new Map(lastFrames(ranges).map(({ session, seq }) => [session, [[0, seq]]]));
}

function joined(list: readonly SeqRange[]): SeqRange[] {
  const result: SeqRange[] = [];
  for (const [first, last] of [...list].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1);
    if (previous && first <= previous[1] + 1) {
      result[result.length - 1] = [previous[0], Math.max(previous[1], last)];
    } else {
      result.push([first, last]);
    }
  }
  return result;
}
