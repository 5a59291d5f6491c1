import { type JournalIndex, nodeJournalFs } from "@promferry/core/journal";
import {
  type ForeseenDeletion,
  foreseeDeletions,
  type Ledger,
  type LostFrames,
  type MayLeave,
} from "@promferry/uploader";
import type { Settings } from "../config/load-config.ts";
import type { Context } from "../context.ts";
import { cleanupFor } from "../upload/cleanup.ts";
import { retainedTargets } from "../upload/retained-targets.ts";

export interface DeletionFacts {
  readonly day: string;
  readonly cause: ForeseenDeletion["cause"];
  /** The first upload from then on deletes it. */
  readonly from: string;
  /** Whether that is the next one. */
  readonly due: boolean;
  readonly lost: readonly LostFrames[];
}

export interface RetentionFacts {
  /** Of day files, `quarantine/` and `rejected/`. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** The oldest day that a destination lacks frames of, or was not sent by choice. */
  readonly oldestAtRisk?: {
    readonly day: string;
    readonly lacking: readonly LostFrames[];
    /** When it goes all the same, if nothing more is written or uploaded. */
    readonly deletion?: DeletionFacts;
  };
  readonly nextDeletion?: DeletionFacts;
  /** Why uploads delete nothing: a destination can't be put together. */
  readonly unknown?: string;
}

export async function describeRetention(
  context: Context,
  settings: Settings,
  {
    index,
    ledger,
    mayLeave,
  }: { readonly index: JournalIndex; readonly ledger: Ledger; readonly mayLeave: MayLeave },
): Promise<RetentionFacts> {
  const { dir, metrics } = settings;
  const { targets, skipped } = await retainedTargets(context, settings, metrics.destinations);
  const now = context.io.now();
  const { deletions, unsettled, bytes } = await foreseeDeletions({
    dir,
    fs: nodeJournalFs,
    index,
    ledger,
    targets,
    mayLeave,
    cleanup: cleanupFor(metrics),
    now,
  });
  const sizes = { bytes, maxBytes: metrics.max_bytes };
  if (skipped) return { ...sizes, unknown: skipped.message };
  const facts = ({ day, cause, fromMs, lost }: ForeseenDeletion): DeletionFacts => {
    return { day, cause, from: new Date(fromMs).toISOString(), due: fromMs <= now, lost };
  };
  const [oldest] = unsettled;
  const [next] = deletions;
  const risk = deletions.find(({ day }) => day === oldest?.day);
  return {
    ...sizes,
    ...(oldest && { oldestAtRisk: { ...oldest, ...(risk && { deletion: facts(risk) }) } }),
    ...(next && { nextDeletion: facts(next) }),
  };
}
