import {
  type FrameRef,
  type Journal,
  type JournalFile,
  type JournalIndex,
  removeDay,
} from "@promferry/core/journal";
import { createTotals, type Projection } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import { type Ledger, withoutFiles } from "./ledger.ts";
import type { LedgerStore } from "./ledger-store.ts";
import type { MayLeave } from "./plan.ts";
import { quarantineDamage } from "./quarantine.ts";
import type { DeletedDay, KeptDay } from "./report.ts";
import { covers, raise } from "./seqs.ts";
import { isDone } from "./settle.ts";
import { readTotals, type TotalsRecord, writeTotals } from "./totals-store.ts";

const DAY_MS = 86_400_000;

/** A configured destination, as far as deletion looks at it. */
export interface RetainedDestination {
  readonly name: string;
  /** As in the ledger. */
  readonly identity: string;
  readonly keepsHistory: boolean;
  readonly project: Projection;
}

export interface RetentionPlanOptions {
  readonly index: JournalIndex;
  readonly ledger: Ledger;
  /** All that are configured, not only those of this upload. */
  readonly destinations: readonly RetainedDestination[];
  readonly mayLeave: MayLeave;
  readonly now: EpochMs;
  /** Days younger than this stay, counted from the date's end in UTC. Default 0. */
  readonly olderThanDays?: number;
}

export interface RetentionPlan {
  /** Oldest first. */
  readonly days: readonly { readonly day: string; readonly files: readonly JournalFile[] }[];
  readonly kept: readonly KeptDay[];
  /** Whether frames go that no destination keeps the history of. */
  readonly dropsHistory: boolean;
}

/**
 * Which closed days may go: those whose every frame is settled for every configured destination.
 *
 * A destination without history settles a day only when no configured one keeps history. A day stays
 * as long as an older one does, since totals go on from all that was deleted. Pure.
 */
function planRetention(options: RetentionPlanOptions): RetentionPlan {
  const { index, now, olderThanDays = 0, destinations } = options;
  const historians = destinations.filter((each) => each.keepsHistory);
  const deciding = historians.length > 0 ? historians : destinations;
  const byDay = new Map<string, JournalFile[]>();
  for (const file of index.files) byDay.set(file.day, [...(byDay.get(file.day) ?? []), file]);
  const framesByFile = new Map<string, FrameRef[]>();
  for (const ref of index.frames) {
    const list = framesByFile.get(ref.file);
    if (list) list.push(ref);
    else framesByFile.set(ref.file, [ref]);
  }

  const days: { day: string; files: readonly JournalFile[] }[] = [];
  const kept: KeptDay[] = [];
  let stays: string | undefined;
  for (const [day, files] of [...byDay].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (Date.parse(`${day}T24:00:00Z`) + olderThanDays * DAY_MS > now || files.some((file) => !file.closed)) {
      stays ??= day;
      continue;
    }
    const reason = stays === undefined ? reasonToKeep(files) : `an older day, ${stays}, stays`;
    if (reason === undefined) days.push({ day, files });
    else {
      kept.push({ day, reason });
      stays ??= day;
    }
  }
  return { days, kept, dropsHistory: days.length > 0 && historians.length === 0 };

  function reasonToKeep(files: readonly JournalFile[]): string | undefined {
    if (deciding.length === 0) return "no destination is configured";
    for (const file of files) {
      if (file.error) return `${file.name} cannot be read`;
      const holds = (list: readonly { readonly file: string }[]) =>
        list.some((each) => each.file === file.name);
      if (holds(index.unsupported)) return `${file.name} holds frames of a later version`;
      if (holds(index.held)) return `${file.name} holds frames dated by a wrong clock`;
      if (file.pending) return `${file.name} ends in a frame that is not whole`;
      for (const { name, identity } of deciding) {
        const record = options.ledger.destinations.get(name);
        const isMissing = (ref: FrameRef) =>
          options.mayLeave(ref) === true && !(record?.identity === identity && isDone(ref, record));
        const missing = (framesByFile.get(file.name) ?? []).filter(isMissing).length;
        if (missing > 0) return `${name} does not have ${missing} frames of ${file.name}`;
        const passedOver = options.ledger.files.get(file.name)?.get(name)?.passedOver ?? 0;
        if (passedOver > 0) {
          return `${passedOver} frames of ${file.name} were passed over for ${name}; --force --from ${file.day} sends them`;
        }
      }
    }
    return undefined;
  }
}

export interface RetentionOptions extends Omit<RetentionPlanOptions, "index" | "ledger"> {
  readonly journal: Journal;
  readonly store: LedgerStore;
  /** Rejects when this process may no longer delete. */
  readonly guard: () => Promise<void>;
}

export interface RetentionResult {
  readonly deleted: readonly DeletedDay[];
  readonly kept: readonly KeptDay[];
  readonly droppedHistory: boolean;
}

/**
 * Deletes the closed days that are settled. Before, the totals' state after them is on the disk, so
 * that counters go on, and damaged stretches lie in quarantine.
 *
 * @throws {JournalError} The journal cannot be read, or a file cannot be removed.
 * @throws {LedgerError}
 */
export async function deleteSettledDays(options: RetentionOptions): Promise<RetentionResult> {
  const { journal, store, guard } = options;
  const index = await journal.index();
  const plan = planRetention({ ...options, index, ledger: store.ledger });
  const deleted: DeletedDay[] = [];
  const kept = [...plan.kept];
  if (plan.days.length === 0) return { deleted, kept, droppedHistory: false };

  const going = new Set(plan.days.flatMap(({ files }) => files.map((file) => file.name)));
  await guard();
  const damage = index.damage.filter((each) => going.has(each.file));
  await quarantineDamage(journal.dir, journal.fs, damage, options.now);
  await keepTotals(
    options,
    index.frames.filter((ref) => going.has(ref.file)),
  );
  for (const { day, files } of plan.days) {
    const removed: string[] = [];
    for (const file of files) {
      await guard();
      if ((await removeDay(journal, file)) === "removed") removed.push(file.name);
      else kept.push({ day, reason: `${file.name} was written to meanwhile` });
    }
    if (removed.length > 0) deleted.push({ day, files: removed });
  }
  const gone = new Set(deleted.flatMap(({ files }) => files));
  await store.change((ledger) => withoutFiles(ledger, gone));
  return { deleted, kept, droppedHistory: plan.dropsHistory };
}

/** Puts the totals after these frames on the disk, for each destination. */
async function keepTotals(
  { journal, store, destinations, mayLeave }: RetentionOptions,
  frames: readonly FrameRef[],
): Promise<void> {
  const stored = new Map(await readTotals(journal.dir, journal.fs));
  for (const { name, identity, project } of destinations) {
    const known = knownTotals(stored.get(name), identity);
    const record = store.ledger.destinations.get(name);
    const through = known?.through ?? new Map();
    const totals = createTotals({ project, ...(known && { checkpoint: known.checkpoint }) });
    const folded: FrameRef[] = [];
    for (const ref of frames) {
      if (covers(through, ref.header) || mayLeave(ref) !== true) continue;
      // A destination without history may not have come so far: it shows all of it later.
      const late = !(record?.identity === identity && isDone(ref, record));
      totals.fold(await journal.read(ref), { late });
      folded.push(ref);
    }
    const headers = folded.map((ref) => ref.header);
    stored.set(name, { identity, through: raise(through, headers), checkpoint: totals.checkpoint() });
  }
  await writeTotals(journal.dir, journal.fs, stored);
}

/** The stored totals, unless they are another destination's. */
export function knownTotals(stored: TotalsRecord | undefined, identity: string): TotalsRecord | undefined {
  return stored?.identity === identity ? stored : undefined;
}
