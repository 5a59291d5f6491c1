import { isClosed, isPacked, type JournalFs, type JournalIndex } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import type { Ledger } from "./ledger.ts";
import { listLeftovers } from "./leftovers.ts";
import type { MayLeave } from "./plan.ts";
import type { DeletionCause, LostFrames } from "./report.ts";
import { addUp, planRetention, retainedDestination, type UploadCleanup } from "./retention-plan.ts";
import type { UploadTarget } from "./upload-options.ts";

export interface ForeseeOptions {
  readonly dir: string;
  readonly fs: JournalFs;
  readonly index: JournalIndex;
  readonly ledger: Ledger;
  /** All that are configured. */
  readonly targets: readonly Pick<UploadTarget, "destination" | "project" | "projectionId">[];
  readonly mayLeave: MayLeave;
  readonly cleanup: UploadCleanup;
  readonly now: EpochMs;
}

/** A day that an upload will delete. */
export interface ForeseenDeletion {
  readonly day: string;
  readonly cause: DeletionCause;
  /** The first upload from then on deletes it. */
  readonly fromMs: EpochMs;
  /** What destinations lose by it, as things stand. */
  readonly lost: readonly LostFrames[];
}

export interface Foresight {
  /** Earliest first. A day that is not among them stays. */
  readonly deletions: readonly ForeseenDeletion[];
  /** Days with frames that a destination lacks, or was not sent by choice; oldest first. */
  readonly unsettled: readonly { readonly day: string; readonly lacking: readonly LostFrames[] }[];
  /** Of day files, `quarantine/` and `rejected/`: what `maxBytes` bounds. */
  readonly bytes: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * What retention will delete and when, if nothing more is written or uploaded: the uploader's own plan, asked for
 * each instant at which its answer can change.
 */
export async function foreseeDeletions(options: ForeseeOptions): Promise<Foresight> {
  const { dir, fs, index, cleanup, now, targets } = options;
  const destinations = targets.map(retainedDestination);
  const leftovers = await listLeftovers(dir, fs, now);
  const planAt = (at: EpochMs, what: UploadCleanup) => {
    const files = index.files.map((file) => ({
      ...file,
      closed: isPacked(file.name) || isClosed(file.day, at, file.modifiedMs),
    }));
    return planRetention({
      ...options,
      ...what,
      index: { ...index, files },
      leftovers,
      destinations,
      now: at,
    });
  };
  const deletions = new Map<string, ForeseenDeletion>();
  for (const at of turningPoints(index, cleanup, now)) {
    for (const { day, cause, files } of planAt(at, cleanup).days) {
      if (files.length === 0 || deletions.has(day)) continue;
      deletions.set(day, { day, cause, fromMs: at, lost: addUp(files.flatMap(({ lost }) => lost)) });
    }
  }
  // With no day left at all, each shows what is lost by it.
  const everything = planAt(Number.MAX_SAFE_INTEGER, { maxBytes: -1 });
  const unsettled = everything.days
    .map(({ day, files }) => ({ day, lacking: addUp(files.flatMap(({ lost }) => lost)) }))
    .filter(({ lacking }) => lacking.length > 0);
  const bytes = [...index.files, ...leftovers].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { deletions: [...deletions.values()], unsettled, bytes };
}

/** Now, and when days are over or old enough. A day goes as a whole: its file that closes last decides. */
function turningPoints(index: JournalIndex, cleanup: UploadCleanup, now: EpochMs): EpochMs[] {
  const { olderThanDays = 0, unsettledOlderThanDays = Number.POSITIVE_INFINITY } = cleanup;
  const modified = new Map<string, EpochMs>();
  for (const { day, modifiedMs } of index.files) {
    modified.set(day, Math.max(modified.get(day) ?? modifiedMs, modifiedMs));
  }
  const points = [...modified].flatMap(([day, modifiedMs]) => {
    const beganMs = Date.parse(`${day}T00:00:00Z`);
    const closesMs = Math.max(beganMs + 48 * HOUR_MS, modifiedMs + HOUR_MS);
    const oldMs = [olderThanDays, unsettledOlderThanDays].map((days) => beganMs + (1 + days) * DAY_MS);
    return [closesMs, ...oldMs];
  });
  const ahead = points.filter((at) => at > now && Number.isFinite(at));
  return [now, ...new Set(ahead.sort((a, b) => a - b))];
}
