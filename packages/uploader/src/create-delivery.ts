import type { Destination } from "@promferry/core/delivery";
import type { Frame, FrameRef } from "@promferry/core/journal";
import { type Coarseness, createTotals, leavingTime, type Totals } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { Delivery } from "./delivery.ts";
import { createDryDestination } from "./dry-destination.ts";
import { createPace } from "./pace.ts";
import { isInside, SETTLE_DELAY_MS } from "./plan.ts";
import { recordRejection } from "./rejected.ts";
import { framesFor, type RestartContext } from "./restart-totals.ts";
import { retainedDestination } from "./retention-plan.ts";
import { type Cursor, covers } from "./seqs.ts";
import type { Tally } from "./tally.ts";
import { knownTotals } from "./totals-store.ts";
import type { UploadFs } from "./upload-fs.ts";
import type { UploadOptions, UploadTarget } from "./upload-options.ts";

/** What all destinations of one upload share. */
export interface UploadSession extends RestartContext {
  readonly options: UploadOptions;
  readonly fs: UploadFs;
  readonly now: () => EpochMs;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Rejects when this process may no longer upload. */
  readonly guard: () => Promise<void>;
  /** When the upload began. */
  readonly asOfMs: EpochMs;
}

const PROGRESS_TIMEOUT_MS = 120_000;
/** Ages are counted from the upload's beginning, and a request takes its time. */
const AGE_MARGIN_MS = 60_000;

/** What is sent, where it is not all that the index holds: one part after the other, as it comes. */
export interface DeliveredPart {
  /** In order of time. */
  readonly frames: readonly FrameRef[];
  /** Frames after this wait. */
  readonly untilMs: EpochMs;
  /** Frames that the totals have. */
  readonly given: Cursor;
  /** The totals to finish with what was under way. */
  readonly createTotals: () => Totals;
  readonly read: (ref: FrameRef) => Promise<Frame>;
  readonly pace: Delivery["pace"];
  readonly patientMs: number;
}

/** @param part Default: all that the index holds, up to the settle delay. */
export function createDelivery(
  session: UploadSession,
  target: UploadTarget,
  tally: Tally,
  part?: DeliveredPart,
): Delivery {
  const { options, fs, store, now, sleep, guard, asOfMs, journal, mayLeave } = session;
  const { project, samplesPerSecond, maxAgeMs: age, onTooOld = "skip" } = target;
  const { signal, random, dryRun = false, sendNow = false, from, toDate, force = false } = options;
  const { name, limits } = target.destination;
  const { maxFutureMs = Number.POSITIVE_INFINITY } = limits;
  const choice = { force, ...(from !== undefined && { from }), ...(toDate !== undefined && { toDate }) };
  const known = knownTotals(session.totals.totals.get(name), retainedDestination(target));
  const { coarseness } = project;
  const frames = inLeavingOrder(part?.frames ?? framesFor(session.index, store, name), coarseness);
  if (force && known) noteUnsendable(frames, known.through, tally);
  // A step that is not over has no end to show yet.
  const aheadMs = coarseness?.timeStepMs === undefined ? maxFutureMs : 0;
  const maxAgeMs = age === undefined ? undefined : age - AGE_MARGIN_MS;
  const pace = createPace({
    samplesPerSecond,
    now,
    sleep: dryRun ? noSleep : sleep,
    ...(signal && { signal }),
  });
  const restarted = new Set<string>();
  const delivery: Delivery = {
    destination: dryRun ? dryDestination(target.destination, tally, options) : target.destination,
    store,
    tally,
    frames,
    coarseness,
    choice,
    mayLeave,
    asOfMs,
    untilMs: part?.untilMs ?? (sendNow ? asOfMs + aheadMs : asOfMs - SETTLE_DELAY_MS),
    maxAgeMs,
    collapseBeforeMs:
      maxAgeMs !== undefined && onTooOld === "collapse"
        ? asOfMs - maxAgeMs + (coarseness?.timeStepMs ?? 0)
        : undefined,
    given: part?.given ?? known?.through ?? new Map(),
    isContinued: part !== undefined,
    ...(part && { patientMs: part.patientMs }),
    retry: { now, sleep, ...(random && { random }), ...(signal && { signal }) },
    due: new Map(),
    restartsFiles: false,
    createTotals:
      part?.createTotals ?? (() => createTotals({ project, ...(known && { checkpoint: known.checkpoint }) })),
    read: (ref) => {
      signal?.throwIfAborted();
      return part ? part.read(ref) : journal.read(ref);
    },
    now,
    deadline: () => now() + (options.timeoutMs ?? PROGRESS_TIMEOUT_MS),
    guard,
    pace: part?.pace ?? pace,
    async wait(ms, deadline) {
      const leftMs = Math.min(ms, deadline - now());
      if (leftMs > 0) await sleep(leftMs, signal);
    },
    restarted(files) {
      const fresh = new Set<string>();
      if (!delivery.restartsFiles) return fresh;
      for (const file of files) {
        if (restarted.has(file) || !isInside({ file }, choice)) continue;
        restarted.add(file);
        fresh.add(file);
      }
      return fresh;
    },
    reject: async (rejection) => {
      if (!dryRun) await recordRejection(journal.dir, fs, rejection, now());
    },
    progress() {
      const { readFrames } = delivery;
      const frames = readFrames && { frames: { ...readFrames } };
      options.onProgress?.({ destination: name, accepted: tally.accepted, ...frames });
    },
  };
  return delivery;
}

/** Where a program's frames wait for the end of their step, pages are sent before them. */
function inLeavingOrder(
  frames: readonly FrameRef[],
  coarseness: Coarseness | undefined,
): readonly FrameRef[] {
  if (coarseness?.timeStepMs === undefined) return frames;
  return [...frames].sort((a, b) => leavingTime(a.header, coarseness) - leavingTime(b.header, coarseness));
}

async function noSleep(): Promise<void> {}

function dryDestination(destination: Destination, tally: Tally, options: UploadOptions): Destination {
  return createDryDestination(destination, (request, samples) => {
    tally.encoded(request.body.byteLength);
    options.onRequest?.({ destination: destination.name, request, samples });
  });
}

/** What the stored totals have is part of them; what it was at its own time is not known any more. */
function noteUnsendable(frames: readonly FrameRef[], through: Cursor, tally: Tally): void {
  const { length } = frames.filter((ref) => covers(through, ref.header));
  if (length > 0)
    tally.note(`${length} frames can't be sent again: they are from before the totals began anew.`);
}
