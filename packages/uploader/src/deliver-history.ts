import type { FrameHeader } from "@promferry/core/journal";
import { leavingTimeAfter, type Totals } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { Delivery } from "./delivery.ts";
import { dropRequest } from "./drop-request.ts";
import { firstDigestOf } from "./first-digest.ts";
import type { DestinationRecord, NextRequest } from "./ledger.ts";
import { type FramePlan, type PlannedAction, planFrames, planResume } from "./plan.ts";
import { createRequestMaker, type RequestMaker } from "./request-maker.ts";
import { createRequestQueue, samplesOf } from "./requests.ts";
import { sendRequests } from "./send-requests.ts";
import { type Cursor, raise } from "./seqs.ts";
import { dueByFile } from "./tally.ts";
import { buildWindows, type SampleAges, type WindowOptions } from "./window.ts";

/**
 * Sends a destination that keeps history everything that is due, window by window in order of time.
 *
 * The ledger names each request before it is sent. What an earlier upload left in doubt goes first,
 * byte for byte.
 *
 * @throws {DeliveryStopped} The destination takes nothing more now; the ledger says how far it came.
 * @throws {LedgerError} The ledger cannot be written; nothing was sent since.
 */
export async function deliverHistory(delivery: Delivery): Promise<void> {
  const { tally, destination, frames } = delivery;
  const maker = createRequestMaker(destination.limits);
  const first = planHistory(delivery, delivery.given);
  tally.plan(first);
  delivery.due = dueByFile(first, frames);
  await deliverDue(delivery, await finishLast(delivery, maker), maker);
}

/**
 * Sends the part of a journal that is due next, with the totals of all parts before it.
 *
 * @returns The totals after it; undefined where the next part has to begin with new ones.
 * @throws As {@link deliverHistory}; the totals are of no more use then.
 */
export async function deliverPart(
  delivery: Delivery,
  kept: Progress,
  maker: RequestMaker,
): Promise<Progress | undefined> {
  const { next } = recordOf(delivery);
  delivery.due = dueByFile(planHistory(delivery, kept.given), delivery.frames);
  const progress = next === undefined ? kept : await resume(delivery, next, maker);
  // Late frames have to be taken in after all that was sent.
  if (!progress || (next !== undefined && recordOf(delivery).late.size > 0)) return undefined;
  return deliverDue(delivery, progress, maker);
}

async function deliverDue(
  delivery: Delivery,
  { totals, given }: Progress,
  maker: RequestMaker,
): Promise<Progress> {
  const { tally, choice, asOfMs, destination } = delivery;
  const plan = planHistory(delivery, given);
  tally.plan(plan);
  const { newestMs: baseMs } = recordOf(delivery);
  const readFrames = { done: 0, total: headersOf(plan.actions).length };
  delivery.readFrames = readFrames;
  const windows = buildWindows({
    actions: plan.actions,
    totals,
    read(ref) {
      readFrames.done++;
      return delivery.read(ref);
    },
    ages: agesOf(delivery, asOfMs),
    maxSamples: destination.limits.maxSamples,
    ...settling(plan, delivery),
  });
  delivery.restartsFiles = choice.force ?? false;
  const origin = { asOfMs, forced: choice.force ?? false, baseMs };
  try {
    await sendRequests({ delivery, queue: createRequestQueue(windows, maker), origin, maker });
  } finally {
    tally.withhold(totals.withheld());
  }
  return { totals, given: raise(given, headersOf(plan.actions)) };
}

/** The totals to go on with, and the frames that they have. */
export interface Progress {
  readonly totals: Totals;
  readonly given: Cursor;
}

/** Finishes what an earlier upload was in the middle of. */
async function finishLast(delivery: Delivery, maker: RequestMaker): Promise<Progress> {
  const { next } = recordOf(delivery);
  const afresh = (): Progress => ({ totals: delivery.createTotals(), given: delivery.given });
  if (!next) return afresh();
  const resumed = await resume(delivery, next, maker);
  // Late frames have to be taken in after all that was sent, and what is sent again before it.
  const isUsable = resumed && !delivery.choice.force && recordOf(delivery).late.size === 0;
  return isUsable ? resumed : afresh();
}

function planHistory(delivery: Delivery, given: Cursor): FramePlan {
  const { frames, coarseness, choice, mayLeave, untilMs, collapseBeforeMs } = delivery;
  return planFrames({
    frames,
    coarseness,
    record: recordOf(delivery),
    choice,
    mayLeave,
    untilMs,
    given,
    isContinued: delivery.isContinued ?? false,
    ...(collapseBeforeMs !== undefined && { collapseBeforeMs }),
  });
}

function recordOf({ store, destination }: Delivery): DestinationRecord {
  return store.ledger.destinations.get(destination.name)!;
}

/** Late frames are owed nothing more once a newer sample is sure to come. */
function settling(plan: FramePlan, delivery: Delivery): Pick<WindowOptions, "settleMs"> {
  const isLate = plan.actions.some((each) => each.kind === "fold" && each.why === "late");
  if (!isLate || delivery.choice.force || plan.waiting.length > 0 || plan.unchosen.length > 0) return {};
  const { newestMs = 0 } = recordOf(delivery);
  const { collapseBeforeMs = 0, untilMs } = delivery;
  // After what was sent with a clock that was ahead, nothing can be said before that time has come.
  if (newestMs > untilMs) return {};
  return {
    settleMs(lastStepMs = 0) {
      const newest = Math.max(newestMs, lastStepMs, collapseBeforeMs);
      const settleMs = leavingTimeAfter(newest, delivery.coarseness);
      // The end of a step that is not over: more may come until then.
      return settleMs > newest + 1 && settleMs > untilMs ? undefined : settleMs;
    },
  };
}

function agesOf(delivery: Delivery, asOfMs: EpochMs): SampleAges {
  const { maxAgeMs = Number.POSITIVE_INFINITY, destination } = delivery;
  return {
    oldestMs: asOfMs - maxAgeMs,
    newestMs: asOfMs + (destination.limits.maxFutureMs ?? Number.POSITIVE_INFINITY),
    collapsesBy:
      delivery.collapseBeforeMs === undefined ? undefined : leavingTimeAfter(0, delivery.coarseness),
  };
}

/** Finishes the window that an earlier upload was in, or gives it up. */
async function resume(
  delivery: Delivery,
  next: NextRequest,
  maker: RequestMaker,
): Promise<Progress | undefined> {
  const totals = delivery.createTotals();
  const actions = planResume(delivery.frames, recordOf(delivery), next, delivery);
  const { settleMs } = next;
  const windows = buildWindows({
    actions,
    totals,
    read: (ref) => delivery.read(ref),
    ages: agesOf(delivery, next.asOfMs),
    maxSamples: next.blockSamples ?? Number.POSITIVE_INFINITY,
    whole: true,
    ...(settleMs !== undefined && { settleMs: () => settleMs }),
  });
  const queue = createRequestQueue(windows, maker, next);
  const request = await queue.after(undefined);
  if (!request || (request.digest !== next.digest && firstDigestOf(samplesOf(request)) !== next.digest)) {
    await queue.close();
    await dropRequest(delivery, next);
    return undefined;
  }
  const { asOfMs, forced, baseMs } = next;
  const origin = { asOfMs, forced, baseMs };
  await sendRequests({ delivery, queue, origin, maker, resumed: { request, next } });
  return { totals, given: raise(delivery.given, headersOf(actions)) };
}

function headersOf(actions: readonly PlannedAction[]): FrameHeader[] {
  return actions.flatMap((each) => (each.kind === "step" ? each.refs : [each.ref])).map((ref) => ref.header);
}
