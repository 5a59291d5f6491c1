import type { Destination } from "@promferry/core/delivery";
import type { FrameRef } from "@promferry/core/journal";
import { createTotals } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import { deliverHistory } from "./deliver-history.ts";
import { deliverLatest } from "./deliver-latest.ts";
import type { Delivery } from "./delivery.ts";
import { dropRequest } from "./drop-request.ts";
import { createDryDestination } from "./dry-destination.ts";
import { failureOf } from "./failure.ts";
import { identityDigest } from "./identity-digest.ts";
import { claimRecord } from "./ledger.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { createPace } from "./pace.ts";
import { isInside, SETTLE_DELAY_MS } from "./plan.ts";
import { recordRejection } from "./rejected.ts";
import type { DestinationReport } from "./report.ts";
import { framesFor, lostTotals, type RestartContext, restartTotals } from "./restart-totals.ts";
import { retainedDestination } from "./retention-plan.ts";
import { type Cursor, covers } from "./seqs.ts";
import { withFailedFiles } from "./settle.ts";
import { createTally, type Tally } from "./tally.ts";
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

/** Serves one destination; what fails stands in its report. */
export async function serve(session: UploadSession, target: UploadTarget): Promise<DestinationReport> {
  const { store, options, now } = session;
  const { name, keepsHistory } = target.destination;
  const tally = createTally(name, keepsHistory);
  let delivery: Delivery | undefined;
  try {
    await claim(session, target, tally);
    await beginAnew(session, target, tally);
    delivery = createDelivery(session, target, tally);
    await (keepsHistory ? deliverHistory(delivery) : deliverLatest(delivery));
  } catch (error) {
    const failure = failureOf(error, options.signal);
    tally.fail(failure);
    if (delivery && failure.kind !== "aborted") {
      const { choice } = delivery;
      const due = new Map([...delivery.due].filter(([file]) => isInside({ file }, choice)));
      // The report says it in any case.
      await store.change((ledger) => withFailedFiles(ledger, { name, due, nowMs: now() })).catch(() => {});
    }
  }
  if (!options.force) notePassedOver(store, name, tally);
  return tally.report(store.ledger);
}

async function claim({ store }: UploadSession, { destination }: UploadTarget, tally: Tally): Promise<void> {
  const { name } = destination;
  const identity = identityDigest(destination);
  const { identityChanged } = claimRecord(store.ledger, name, identity);
  if (identityChanged) {
    tally.note(`${name} has another type, address or tenant than before: it is served as a new destination.`);
  }
  // Nothing is written for a destination before there is something to say.
  await store.stage((ledger) => claimRecord(ledger, name, identity).ledger);
}

/** Where the totals of deleted days are lost. */
async function beginAnew(session: UploadSession, target: UploadTarget, tally: Tally): Promise<void> {
  const { store, now, index } = session;
  const destination = retainedDestination(target);
  const why = lostTotals(session, destination);
  if (why === undefined) return;
  const { name } = destination;
  const frames = framesFor(index, store, name);
  const { next } = store.ledger.destinations.get(name)!;
  // It was made of what is lost.
  if (next) await dropRequest({ store, tally, destination, frames, now }, next);
  await restartTotals(session, destination);
  tally.note(`${why}: its counters start again from 0, with what the journal still holds.`);
}

function createDelivery(session: UploadSession, target: UploadTarget, tally: Tally): Delivery {
  const { options, fs, store, now, sleep, guard, asOfMs, journal, mayLeave } = session;
  const { project, samplesPerSecond, maxAgeMs: age, onTooOld = "skip" } = target;
  const { signal, random, dryRun = false, sendNow = false, from, toDate, force = false } = options;
  const { name, limits } = target.destination;
  const { maxFutureMs = Number.POSITIVE_INFINITY } = limits;
  const choice = { force, ...(from !== undefined && { from }), ...(toDate !== undefined && { toDate }) };
  const known = knownTotals(session.totals.totals.get(name), retainedDestination(target));
  const frames = framesFor(session.index, store, name);
  if (force && known) noteUnsendable(frames, known.through, tally);
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
    choice,
    mayLeave,
    asOfMs,
    untilMs: sendNow ? asOfMs + maxFutureMs : asOfMs - SETTLE_DELAY_MS,
    maxAgeMs,
    collapseBeforeMs: maxAgeMs !== undefined && onTooOld === "collapse" ? asOfMs - maxAgeMs : undefined,
    given: known?.through ?? new Map(),
    retry: { now, sleep, ...(random && { random }), ...(signal && { signal }) },
    due: new Map(),
    restartsFiles: false,
    createTotals: () => createTotals({ project, ...(known && { checkpoint: known.checkpoint }) }),
    read: (ref) => {
      signal?.throwIfAborted();
      return journal.read(ref);
    },
    now,
    deadline: () => now() + (options.timeoutMs ?? PROGRESS_TIMEOUT_MS),
    guard,
    pace,
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
    progress: () => options.onProgress?.({ destination: name, accepted: tally.accepted }),
  };
  return delivery;
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

function notePassedOver(store: LedgerStore, name: string, tally: Tally): void {
  for (const [file, byName] of store.ledger.files) {
    const passedOver = byName.get(name)?.passedOver ?? 0;
    if (passedOver === 0) continue;
    const day = file.slice(0, 10);
    tally.note(
      `${passedOver} frames of ${file} were passed over for ${name}; --force --from ${day} --to-date ${day} sends them.`,
    );
  }
}
