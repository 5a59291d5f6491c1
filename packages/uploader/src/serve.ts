import { createDelivery, type UploadSession } from "./create-delivery.ts";
import { deliverHistory } from "./deliver-history.ts";
import { deliverLatest } from "./deliver-latest.ts";
import type { Delivery } from "./delivery.ts";
import { dropRequest } from "./drop-request.ts";
import { failureOf } from "./failure.ts";
import { identityDigest } from "./identity-digest.ts";
import { claimRecord } from "./ledger.ts";
import type { LedgerStore } from "./ledger-store.ts";
import { isInside } from "./plan.ts";
import type { DestinationReport } from "./report.ts";
import { framesFor, lostTotals, restartTotals } from "./restart-totals.ts";
import { retainedDestination } from "./retention-plan.ts";
import { withFailedFiles } from "./settle.ts";
import { createTally, type Tally } from "./tally.ts";
import type { UploadTarget } from "./upload-options.ts";

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

/** Makes the ledger's record of that name the destination's own. */
export async function claim(
  { store }: Pick<UploadSession, "store">,
  { destination }: UploadTarget,
  tally: Tally,
): Promise<void> {
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
  const { coarseness } = target.project;
  // It was made of what is lost.
  if (next) await dropRequest({ store, tally, destination, frames, coarseness, now }, next);
  await restartTotals(session, destination);
  tally.note(`${why}: its counters start again from 0, with what the journal still holds.`);
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
