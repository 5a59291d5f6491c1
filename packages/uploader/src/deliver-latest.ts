import { toBatch } from "@promferry/core/delivery";
import type { FrameRef } from "@promferry/core/journal";
import { leavingTime } from "@promferry/core/merge";
import { attempt } from "./attempt.ts";
import type { Delivery } from "./delivery.ts";
import { withRecord } from "./ledger.ts";
import { append, isInside } from "./plan.ts";
import { covers, raise } from "./seqs.ts";
import { noCounts, settle } from "./settle.ts";
import { dueByFile } from "./tally.ts";

/**
 * Sends the latest state, once, to a destination that keeps one value a series. Sent again it says
 * the same, so nothing is ever in doubt.
 *
 * @throws {DeliveryStopped}
 * @throws {LedgerError}
 */
export async function deliverLatest(delivery: Delivery): Promise<void> {
  const { destination, store, tally, choice, untilMs, coarseness } = delivery;
  const { name } = destination;
  const waiting: FrameRef[] = [];
  const unchosen: FrameRef[] = [];
  const withheld = new Map<string, FrameRef[]>();
  const taken: FrameRef[] = [];
  const record = store.ledger.destinations.get(name)!;
  for (const ref of delivery.frames) {
    const verdict = delivery.mayLeave(ref);
    if (verdict !== true) append(withheld, verdict, ref);
    else if (leavingTime(ref.header, coarseness) > untilMs && !covers(record.cursor, ref.header))
      waiting.push(ref);
    // The state is made of all that came before it.
    else if (isInside(ref, choice.toDate === undefined ? {} : { toDate: choice.toDate })) taken.push(ref);
    else unchosen.push(ref);
  }
  tally.plan({ actions: [], waiting, withheld, unchosen });
  delivery.due = dueByFile({ waiting, withheld }, delivery.frames);
  const fresh = taken.filter((ref) => !covers(record.cursor, ref.header));
  const isWanted = taken.some((ref) => isInside(ref, choice));
  if (!isWanted || (fresh.length === 0 && !choice.force)) return;

  const totals = delivery.createTotals();
  for (const ref of taken) {
    if (!covers(delivery.given, ref.header)) totals.fold(await delivery.read(ref), { late: false });
  }
  const samples = totals.latest();
  tally.withhold(totals.withheld());
  const file = taken.at(-1)!.file;
  const newestMs = leavingTime(taken.at(-1)!.header, coarseness);
  const counts = { accepted: 0, refused: 0, unknown: 0 };
  if (samples.length > 0) {
    // What the projection let through now has to stay so once it was seen.
    await store.remember();
    const deadline = delivery.deadline();
    await delivery.pace(samples.length, deadline);
    const outcome = await attempt(destination, toBatch(samples), {
      retry: { ...delivery.retry, deadline },
      patience: Number.POSITIVE_INFINITY,
      beforeAttempt: async () => {
        await delivery.guard();
        tally.request();
      },
    });
    const refused =
      outcome.kind === "answered"
        ? outcome.receipt.refused
        : [{ reason: outcome.reason, count: samples.length }];
    for (const { reason, count } of refused) {
      counts.refused += count;
      tally.refuse(reason, count);
      await delivery.reject({ destination: name, file, outcome: "refused", reason, count });
    }
    if (outcome.kind === "answered") {
      counts.accepted = outcome.receipt.accepted;
      counts.unknown = outcome.receipt.unknown;
      tally.leaveOut(outcome.receipt.leftOut ?? []);
    }
    tally.count(file, counts);
  }
  // A state that was refused whole is not one that the destination has.
  if (samples.length > 0 && counts.accepted === 0) return;
  const settlement = {
    files: new Map(
      [...new Set(taken.map((ref) => ref.file))].map((each) => [each, each === file ? counts : noCounts]),
    ),
    finished: [],
    named: undefined,
    next: undefined,
    restarted: delivery.restarted(taken.map((ref) => ref.file)),
  };
  await store.change((ledger) => {
    const current = ledger.destinations.get(name)!;
    const cursor = raise(
      current.cursor,
      taken.map((ref) => ref.header),
    );
    const moved = withRecord(ledger, name, {
      ...current,
      cursor,
      newestMs: Math.max(current.newestMs ?? 0, newestMs),
    });
    return settle(moved, settlement, { name, due: delivery.due, nowMs: delivery.now() });
  });
  delivery.progress();
}
