import { join } from "node:path";
import { type FrameRef, removeDay } from "@promferry/core/journal";
import { createTotals } from "@promferry/core/merge";
import { withLostFrames, withoutFiles } from "./ledger.ts";
import { listLeftovers } from "./leftovers.ts";
import { quarantineDamage } from "./quarantine.ts";
import type { DeletedDay, KeptDay, LostFrames } from "./report.ts";
import { lostTotals, type RestartContext, restartTotals } from "./restart-totals.ts";
import { addUp, planRetention, type RetentionPlanOptions } from "./retention-plan.ts";
import { covers, raise } from "./seqs.ts";
import { isDone } from "./settle.ts";
import { removeIfThere } from "./state-file.ts";
import { knownTotals, type TotalsRecord } from "./totals-store.ts";

export interface RetentionOptions
  extends Omit<RetentionPlanOptions, "index" | "ledger" | "leftovers">,
    Omit<RestartContext, "index"> {
  /** Rejects when this process may no longer delete. */
  readonly guard: () => Promise<void>;
}

export interface RetentionResult {
  readonly deleted: readonly DeletedDay[];
  readonly kept: readonly KeptDay[];
  readonly droppedHistory: boolean;
  readonly bytesOver: number;
}

/**
 * Deletes the closed days that are settled, too old or too much. Before, the totals' state after them
 * is on the disk, so that counters go on, and damaged stretches of settled and old days lie in
 * quarantine. What a destination did not have yet is counted in the ledger.
 *
 * @throws {JournalError} The journal cannot be read.
 * @throws {LedgerError}
 */
export async function deleteDays(options: RetentionOptions): Promise<RetentionResult> {
  const { journal, store, guard, destinations } = options;
  const { dir, fs } = journal;
  const index = await journal.index();
  const leftovers = await listLeftovers(dir, fs, options.now);
  const plan = planRetention({ ...options, index, leftovers, ledger: store.ledger });
  const deleted: DeletedDay[] = [];
  const kept = [...plan.kept];
  const { bytesOver } = plan;
  if (plan.days.length === 0) return { deleted, kept, droppedHistory: false, bytesOver };

  const namesOf = (days: typeof plan.days) =>
    new Set(days.flatMap(({ files }) => files.map(({ file }) => file.name)));
  const going = namesOf(plan.days);
  await guard();
  if (going.size > 0) {
    // Where room is needed, a copy would take it away again.
    const copied = namesOf(plan.days.filter(({ cause }) => cause !== "size"));
    const damage = index.damage.filter((each) => copied.has(each.file));
    await quarantineDamage(dir, fs, damage, options.now);
    await keepTotals(
      { ...options, index },
      index.frames.filter((ref) => going.has(ref.file)),
    );
  }
  const lost: LostFrames[] = [];
  try {
    for (const { day, cause, files, leftovers: rest } of plan.days) {
      const removed: string[] = [];
      const lostToday: LostFrames[] = [];
      // What is gone is told even where a later removal fails.
      try {
        for (const { file, lost: withFile } of files) {
          await guard();
          if ((await removeDay(journal, file)) === "removed") {
            removed.push(file.name);
            lostToday.push(...withFile);
          } else kept.push({ day, reason: `${file.name} was written to meanwhile` });
        }
        for (const { path } of rest) {
          await guard();
          await removeIfThere(fs, join(dir, path));
          removed.push(path);
        }
      } finally {
        lost.push(...lostToday);
        if (removed.length > 0) deleted.push({ day, cause, files: removed, lost: addUp(lostToday) });
      }
    }
  } catch (error) {
    kept.push({ day: "the rest", reason: error instanceof Error ? error.message : String(error) });
  }
  const gone = new Set(deleted.flatMap(({ files }) => files));
  await store.change((ledger) =>
    addUp(lost).reduce(
      (changed, { destination, frames }) => {
        const { identity } = destinations.find(({ name }) => name === destination)!;
        return withLostFrames(changed, destination, { identity, frames });
      },
      withoutFiles(ledger, gone),
    ),
  );
  return { deleted, kept, droppedHistory: plan.dropsHistory, bytesOver };
}

/** Puts the totals after these frames on the disk, for each destination. */
async function keepTotals(
  options: RetentionOptions & RestartContext,
  frames: readonly FrameRef[],
): Promise<void> {
  const { journal, store, destinations, mayLeave } = options;
  const kept = new Map<string, TotalsRecord>();
  for (const destination of destinations) {
    const { name, identity, project, projectionId } = destination;
    // One that was not part of the upload may have lost its own.
    if (lostTotals(options, destination) !== undefined) await restartTotals(options, destination);
    const known = knownTotals(options.totals.totals.get(name), destination);
    const uploaded = store.ledger.destinations.get(name);
    const through = known?.through ?? new Map();
    const totals = createTotals({ project, ...(known && { checkpoint: known.checkpoint }) });
    const folded: FrameRef[] = [];
    for (const ref of frames) {
      if (covers(through, ref.header) || mayLeave(ref) !== true) continue;
      // A destination without history may not have come so far: it shows all of it later.
      const late = !(uploaded?.identity === identity && isDone(ref, uploaded));
      totals.fold(await journal.read(ref), { late });
      folded.push(ref);
    }
    const headers = folded.map((ref) => ref.header);
    kept.set(name, {
      identity,
      projectionId,
      through: raise(through, headers),
      checkpoint: totals.checkpoint(),
    });
  }
  await options.totals.change((stored) => new Map([...stored, ...kept]));
}
