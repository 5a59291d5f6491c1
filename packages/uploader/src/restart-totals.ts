import type { FrameRef, Journal, JournalIndex } from "@promferry/core/journal";
import { createTotals } from "@promferry/core/merge";
import type { LedgerStore } from "./ledger-store.ts";
import type { MayLeave } from "./plan.ts";
import type { RetainedDestination } from "./retention-plan.ts";
import { covers, raise } from "./seqs.ts";
import { isDone } from "./settle.ts";
import { knownTotals, TOTALS_FILE, type TotalsStore } from "./totals-store.ts";

export interface RestartContext {
  readonly journal: Journal;
  readonly index: JournalIndex;
  readonly store: LedgerStore;
  readonly totals: TotalsStore;
  /** Sessions of which a frame lies in quarantine. */
  readonly quarantined: ReadonlySet<string>;
  readonly mayLeave: MayLeave;
}

/** Why the destination's totals can't go on; undefined where they can, from what is stored or from the journal. */
export function lostTotals(context: RestartContext, destination: RetainedDestination): string | undefined {
  const { totals } = context;
  const { name, identity } = destination;
  const stored = totals.totals.get(name);
  if (knownTotals(stored, destination) || !lacksBeginning(context, name)) return undefined;
  if (stored?.identity === identity) {
    return `The names or labels of the series for ${name} were changed since days were deleted`;
  }
  return totals.isDamaged
    ? `${TOTALS_FILE} is damaged, and with it the totals of days that were deleted after ${name} had them`
    : `${TOTALS_FILE} has no totals of days that were deleted after ${name} had them`;
}

/**
 * Lets the totals of a destination that lost theirs begin at 0 behind what it has, and puts them on the disk, so
 * that whatever happens next goes on from this beginning and makes no other.
 *
 * @throws {JournalError}
 * @throws {LedgerError}
 */
export async function restartTotals(
  context: RestartContext,
  destination: RetainedDestination,
): Promise<void> {
  const { journal, store, index, totals, mayLeave } = context;
  const { name, identity, project, projectionId } = destination;
  const record = store.ledger.destinations.get(name);
  if (record === undefined) return;
  const state = createTotals({ project });
  const folded: FrameRef[] = [];
  for (const ref of framesFor(index, store, name)) {
    // What came late is owed to the destination still.
    if (mayLeave(ref) !== true || !isDone(ref, record)) continue;
    state.fold(await journal.read(ref), { late: false });
    folded.push(ref);
  }
  state.restart(record.newestMs ?? Number.NEGATIVE_INFINITY);
  const through = raise(
    new Map(),
    folded.map((ref) => ref.header),
  );
  const checkpoint = state.checkpoint();
  await totals.change((stored) => new Map(stored).set(name, { identity, projectionId, through, checkpoint }));
}

/** What there is to send, and what the destination has that a clock, set back since, makes look too new. */
export function framesFor(index: JournalIndex, store: LedgerStore, name: string): readonly FrameRef[] {
  const cursor = store.ledger.destinations.get(name)?.cursor ?? new Map<string, number>();
  const accepted = index.held.filter((ref) => covers(cursor, ref.header));
  if (accepted.length === 0) return index.frames;
  return [...index.frames, ...accepted].sort((a, b) => a.header.writtenMs - b.header.writtenMs);
}

/** Whether the destination has frames that neither the journal nor the stored totals hold any more. */
function lacksBeginning({ store, index, quarantined }: RestartContext, name: string): boolean {
  const frames = [...index.frames, ...index.held];
  const sessions = new Set(frames.map(({ header }) => header.session));
  const isFirst = ({ header }: FrameRef) => header.seq === 0 || header.kind === "start";
  const begun = new Set(frames.filter(isFirst).map(({ header }) => header.session));
  const cursor = store.ledger.destinations.get(name)?.cursor ?? new Map<string, number>();
  // Its first frame may also be damaged, or have been.
  const isBroken = (each: string) => index.damage.length > 0 || quarantined.has(each);
  return [...cursor.keys()].some((each) => !sessions.has(each) || !(begun.has(each) || isBroken(each)));
}
