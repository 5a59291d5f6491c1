import type { Receipt, Refusal } from "@promferry/core/delivery";
import type { TotalSample } from "@promferry/core/merge";
import { attempt, DeliveryStopped, type Outcome } from "./attempt.ts";
import type { Delivery } from "./delivery.ts";
import { type NextRequest, withRecord } from "./ledger.ts";
import { createNarrowing } from "./narrowing.ts";
import type { RequestMaker } from "./request-maker.ts";
import { fileOf, nameRequest, type RequestQueue, runOf, samplesOf, type WindowRequest } from "./requests.ts";
import { type FileCounts, settle } from "./settle.ts";
import { addCounts } from "./tally.ts";
import type { Window } from "./window.ts";

/** How often the same server error is taken for one that passes: at first, and while its cause is sought. */
const PATIENCE = 3;
const PATIENCE_WHILE_SEEKING = 2;
/** After so many failures in a row the next ones are no longer taken apart. */
const MAX_SINGLE_SUSPECTS = 2;
const TOO_OLD = "older than the destination takes (max age)";
const TOO_NEW = "further ahead than the destination takes";

export interface SendingOptions {
  readonly delivery: Delivery;
  readonly queue: RequestQueue;
  /** What a resend has to know of this upload. */
  readonly origin: Pick<NextRequest, "asOfMs" | "forced" | "baseMs">;
  readonly maker: RequestMaker;
  /** A request that an earlier upload named, rebuilt. */
  readonly resumed?: { readonly request: WindowRequest; readonly next: NextRequest };
}

/** Samples that the receiver failed on; given up once it takes later ones. */
interface Suspect {
  readonly request: WindowRequest;
  readonly reason: string;
  readonly doubted: boolean;
}

/**
 * Sends the queue's requests one after the other and keeps the ledger: one write says what became of
 * a request and names the next one.
 *
 * @throws {DeliveryStopped} The ledger, if it could be written, says what is in doubt.
 * @throws {LedgerError} The ledger cannot be written.
 */
export async function sendRequests(options: SendingOptions): Promise<void> {
  try {
    await createSender(options).run();
  } finally {
    await options.queue.close();
  }
}

function createSender({ delivery, queue, origin, maker, resumed }: SendingOptions): {
  run(): Promise<void>;
} {
  const { destination, store, tally } = delivery;
  const { name } = destination;
  /** Since the ledger was last written. */
  let files = new Map<string, FileCounts>();
  /** Samples of the window up to here stood in a request whose answer was lost. */
  let doubtTo = 0;
  let suspects: Suspect[] = [];
  /** Whether the cause of a server error is being sought, and whether the receiver took anything meanwhile. */
  let seeking = false;
  let tookMeanwhile = false;
  let deadline = delivery.deadline();
  const narrowing = createNarrowing();

  const count = (file: string, more: Partial<FileCounts>) => {
    files.set(file, addCounts(files.get(file), more));
    tally.count(file, more);
  };

  const commit = async (request: WindowRequest | undefined, inDoubt = true) => {
    // The next windows are made while the disk and the receiver have their turn.
    if (request) queue.prefetch();
    const finished = queue.finished();
    for (const window of finished) countRefusedAges(window);
    const suspectCount = suspects.reduce((sum, each) => sum + each.request.batch.sampleCount, 0);
    const next = request && nameRequest(request, { ...origin, inDoubt, doubtTo, suspects: suspectCount });
    if (!next && finished.length === 0 && files.size === 0) return;
    const touched = [...files.keys(), ...finished.flatMap((window) => window.steps.map(({ file }) => file))];
    const settlement = {
      files,
      finished,
      named: request?.window,
      next,
      restarted: delivery.restarted(touched),
    };
    const context = { name, due: delivery.due, nowMs: delivery.now() };
    files = new Map();
    await store.change((ledger) => settle(ledger, settlement, context));
  };

  const countRefusedAges = ({ tooOld, tooNew }: Window) => {
    for (const [reason, counts] of [
      [TOO_OLD, tooOld],
      [TOO_NEW, tooNew],
    ] as const) {
      for (const [file, refused] of counts) {
        count(file, { refused });
        tally.refuse(reason, refused);
      }
    }
  };

  const reject = async (
    request: WindowRequest,
    { reason, count: refused }: Refusal,
    suspicion: {
      readonly doubted: boolean;
      readonly samples?: readonly TotalSample[];
    },
  ) => {
    const file = fileOf(request.window, request.from);
    if (suspicion.doubted) count(file, { unknown: refused });
    else {
      count(file, { refused });
      tally.refuse(reason, refused);
    }
    const outcome = suspicion.doubted ? "unknown" : "refused";
    const { samples } = suspicion;
    await delivery.reject({
      destination: name,
      file,
      outcome,
      reason,
      count: refused,
      ...(samples && { samples }),
    });
  };

  const giveUp = async ({ request, reason, doubted }: Suspect) => {
    const { sampleCount: count } = request.batch;
    await reject(request, { reason, count }, { doubted, samples: samplesOf(request) });
  };

  const giveUpSuspects = async () => {
    for (const suspect of suspects) await giveUp(suspect);
    suspects = [];
  };

  const countAnswer = async (request: WindowRequest, receipt: Receipt, doubted: boolean) => {
    const { refused, accepted, unknown, leftOut = [] } = receipt;
    tally.leaveOut(leftOut);
    let left = accepted;
    for (let index = request.from; index < request.to && left > 0; ) {
      const { step, end } = runOf(request.window, index);
      const samples = Math.min(left, Math.min(end, request.to) - index);
      count(step.file, { accepted: samples });
      left -= samples;
      index = end;
    }
    if (unknown > 0) count(fileOf(request.window, request.to - 1), { unknown });
    for (const refusal of refused) await reject(request, refusal, { doubted });
  };

  const sendOne = async (request: WindowRequest): Promise<Outcome> => {
    try {
      await delivery.pace(request.batch.sampleCount, deadline);
      return await attempt(destination, request.batch, {
        retry: { ...delivery.retry, deadline },
        patience: seeking ? PATIENCE_WHILE_SEEKING : PATIENCE,
        ...(delivery.patientMs !== undefined && { patientMs: delivery.patientMs }),
        beforeAttempt: async () => {
          await delivery.guard();
          tally.request();
        },
      });
    } catch (error) {
      throw error instanceof DeliveryStopped ? error : new DeliveryStopped(error, false);
    }
  };

  const nextAfter = async (request: WindowRequest): Promise<WindowRequest | undefined> => {
    try {
      return await queue.after(request);
    } catch (error) {
      // Frames can't be read, or nobody waits for them any more: of a window that is done, no answer is in doubt.
      if (request.to === request.window.samples.length) await commit(undefined);
      throw error;
    }
  };

  /** The next request, after everything in this one was answered for. */
  const onwards = async (request: WindowRequest): Promise<WindowRequest | undefined> => {
    deadline = delivery.deadline();
    const next = await nextAfter(request);
    if (next?.window !== request.window) {
      doubtTo = 0;
      seeking = false;
    }
    delivery.progress();
    return next;
  };

  const act = async (request: WindowRequest, outcome: Outcome): Promise<WindowRequest | undefined> => {
    const doubted = request.from < doubtTo || outcome.doubted;
    if (outcome.kind === "answered") {
      await giveUpSuspects();
      tookMeanwhile = true;
      if (outcome.receipt.accepted > 0) narrowing.taken();
      await countAnswer(request, outcome.receipt, doubted);
      return onwards(request);
    }
    const { kind, reason, waitMs } = outcome;
    const { sampleCount } = request.batch;
    if (kind === "failing") {
      if (!seeking) tookMeanwhile = false;
      seeking = true;
      if (sampleCount > 1 && suspects.length < MAX_SINGLE_SUSPECTS) return queue.halve(request);
      if (request.to < request.window.samples.length) {
        suspects.push({ request, reason, doubted });
        return queue.after(request);
      }
      // With nothing taken since, it may as well be the receiver that is broken.
      if (!tookMeanwhile || suspects.length > 0) {
        tally.note(failingNote(delivery, suspects[0]?.request ?? request));
        throw new DeliveryStopped(outcome.error, doubted);
      }
      await giveUp({ request, reason, doubted });
      return onwards(request);
    }
    if (sampleCount === 1 || (kind === "refused" && narrowing.isNarrow(request, delivery.now()))) {
      narrowing.refused(sampleCount);
      await giveUpSuspects();
      await giveUp({ request, reason, doubted });
      return onwards(request);
    }
    if (kind === "too-large") maker.lower(Math.floor(sampleCount / 2));
    await delivery.wait(waitMs, deadline);
    return queue.halve(request);
  };

  /** Leaves in the ledger what the next upload has to go on from. */
  const stop = async (at: WindowRequest) => {
    const back = suspects[0]?.request ?? at;
    suspects = [];
    const inDoubt = back.from < doubtTo;
    if (inDoubt || back.from > 0) return commit(back, inDoubt);
    await commit(undefined);
    await store.change((ledger) =>
      withRecord(ledger, name, { ...ledger.destinations.get(name)!, next: undefined }),
    );
  };

  return {
    async run() {
      if (resumed) {
        const { inDoubt, to, from } = resumed.next;
        doubtTo = Math.max(resumed.next.doubtTo, inDoubt ? to : 0);
        if (resumed.next.suspects > 0) {
          const earlier = queue.again(resumed.request.window, from - resumed.next.suspects, from);
          suspects = [{ request: earlier, reason: "the receiver failed on it", doubted: true }];
          seeking = true;
        }
      }
      let request = resumed?.request ?? (await queue.after(undefined));
      await commit(request);
      while (request) {
        if (request.from < doubtTo) tally.resend(request.batch.sampleCount);
        let following: WindowRequest | undefined;
        try {
          const sending = sendOne(request);
          queue.prepare(request);
          const outcome: Outcome = await sending;
          if (outcome.doubted) doubtTo = Math.max(doubtTo, request.to);
          following = await act(request, outcome);
        } catch (error) {
          if (!(error instanceof DeliveryStopped)) throw error;
          if (error.doubted) doubtTo = Math.max(doubtTo, request.to);
          // Where this fails the ledger still names the request as one in doubt.
          await stop(request).catch(() => {});
          throw error;
        }
        request = following;
        await commit(request);
      }
    },
  };
}

function failingNote(
  { destination: { name }, isContinued }: Delivery,
  { window, from }: WindowRequest,
): string {
  const file = fileOf(window, from);
  const at = new Date(window.samples.timestampsMs[from]!).toISOString();
  // Who ships without an end chooses no dates.
  const way = isContinued
    ? `move ${file} out of the folder, and what follows it is sent`
    : "a later --from passes over it";
  return `${name} fails on every sample from ${at} (${file}) on; nothing was given up. If it is this data and not the receiver, ${way}.`;
}
