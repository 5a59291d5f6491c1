import { dayOfFile, type FrameRef, type Journal } from "@promferry/core/journal";
import { createTotals, type Projection, type SampleList, type Withheld } from "@promferry/core/merge";

export interface JournalTotalsOptions {
  readonly project: Projection;
  /** `YYYY-MM-DD` of the first day file, inclusive. Earlier frames only add to the totals. */
  readonly from?: string | undefined;
  /** `YYYY-MM-DD` of the last day file, inclusive. */
  readonly toDate?: string | undefined;
  readonly signal?: AbortSignal;
}

/** The journal's totals over all sessions. */
export interface JournalTotals {
  /** The samples of one instant after the other, in order of time. Read it once. */
  steps(): AsyncIterable<SampleList>;
  /** What stayed behind so far, by reason. */
  withheld(): readonly Withheld[];
}

export function journalTotals(journal: Journal, options: JournalTotalsOptions): JournalTotals {
  const { project, from = "", toDate = "9999-12-31", signal } = options;
  const totals = createTotals({ project });
  async function* steps() {
    const { frames } = await journal.index();
    const wanted = frames.filter(({ file }) => (dayOfFile(file) ?? "") <= toDate);
    for (const instant of instants(wanted)) {
      signal?.throwIfAborted();
      const read = await Promise.all(instant.map((ref) => journal.read(ref)));
      const isEarlier = instant.every(({ file }) => (dayOfFile(file) ?? "") < from);
      if (isEarlier) for (const frame of read) totals.fold(frame, { late: false });
      else yield totals.step(read);
    }
  }
  return { steps, withheld: () => totals.withheld() };
}

/** Frames of equal time belong together. */
function* instants(frames: readonly FrameRef[]): Iterable<readonly FrameRef[]> {
  let instant: FrameRef[] = [];
  for (const ref of frames) {
    if (instant.length > 0 && instant[0]!.header.writtenMs !== ref.header.writtenMs) {
      yield instant;
      instant = [];
    }
    instant.push(ref);
  }
  if (instant.length > 0) yield instant;
}
