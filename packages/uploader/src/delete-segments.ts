import { join } from "node:path";
import { createSegmentReader, type FrameRef, removeDay, segmentPlace } from "@promferry/core/journal";
import { type Ledger, withLostFrames, withoutFiles, withoutSessions } from "./ledger.ts";
import { listLeftovers } from "./leftovers.ts";
import { quarantineDamage } from "./quarantine.ts";
import type { QueueFile } from "./segment-queue.ts";
import { covers } from "./seqs.ts";
import type { DestinationShipper } from "./ship-destination.ts";
import type { ShipSession } from "./ship-session.ts";
import { removeIfThere } from "./state-file.ts";

/** Bytes of a segment that are looked through at a time. */
const PART_BYTES = 4 * 1024 * 1024;

/**
 * Deletes the segments that every destination has, of today too. The newest one stays: it may be written to. So do
 * those with frames of a wrong clock or a later version, which nobody was sent.
 *
 * @throws {JournalError | LedgerError | UploadBusyError}
 */
export async function deletePassedSegments(
  session: ShipSession,
  destinations: readonly DestinationShipper[],
): Promise<void> {
  if (destinations.length === 0) return;
  for (const file of session.queue.segments.slice(0, -1)) {
    const passed = destinations.map((each) => each.passed(file));
    const [first] = passed;
    if (first === undefined || passed.some((each) => each === undefined || each.isHeld)) continue;
    await session.guard();
    await quarantineDamage(session.dir, session.fs, first.damage, session.now());
    await remove(session, destinations, file, (ledger) => ledger);
  }
}

/**
 * Lets go of the ledger's progress in sessions of which no segment is left. Only once all that is there was read in
 * this process: a session that goes on in a segment not read yet may have been accepted there.
 *
 * @throws {LedgerError | UploadBusyError}
 */
export async function forgetSessions(
  { store, queue, lastSegmentOf }: ShipSession,
  destinations: readonly DestinationShipper[],
): Promise<void> {
  const [only, ...more] = queue.segments;
  if (only === undefined || more.length > 0 || !destinations.some((each) => each.hasRead(only))) return;
  const gone = new Set([...lastSegmentOf].flatMap(([id, file]) => (file === only.name ? [] : [id])));
  if (gone.size === 0) return;
  await store.change((ledger) => withoutSessions(ledger, gone));
  for (const each of destinations) each.forgetSessions(gone);
  for (const id of gone) lastSegmentOf.delete(id);
}

/**
 * Deletes what is oldest until the directory fits: first what was damaged or refused, then segments, whoever has them.
 *
 * @param alone Runs the work while nothing is being sent.
 * @throws {JournalError | LedgerError | UploadBusyError}
 */
export async function makeRoom(
  session: ShipSession,
  destinations: readonly DestinationShipper[],
  {
    maxBytes,
    alone,
  }: { readonly maxBytes: number; readonly alone: (work: () => Promise<void>) => Promise<void> },
): Promise<void> {
  const { dir, fs, queue, guard } = session;
  let over = queue.bytes - maxBytes;
  if (over <= 0) return;
  const leftovers = await listLeftovers(dir, fs, session.now());
  for (const { path, sizeBytes } of leftovers.sort((a, b) => ((a.day ?? "") < (b.day ?? "") ? -1 : 1))) {
    if (over <= 0) break;
    await guard();
    await removeIfThere(fs, join(dir, path));
    over -= sizeBytes;
  }
  if (over <= 0 || queue.segments.length < 2) return;
  await alone(async () => {
    for (const file of queue.segments.slice(0, -1)) {
      if (over <= 0) break;
      await dropSegment(session, destinations, file);
      over -= file.sizeBytes;
    }
  });
}

async function dropSegment(
  session: ShipSession,
  destinations: readonly DestinationShipper[],
  file: QueueFile,
): Promise<void> {
  const lost = await framesLackedBy(session, destinations, file);
  const { destinations: records } = session.store.ledger;
  await remove(session, destinations, file, (ledger) =>
    [...lost].reduce((changed, [name, frames]) => {
      const { identity } = records.get(name)!;
      return withLostFrames(changed, name, { identity, frames });
    }, ledger),
  );
  for (const [destination, frames] of lost) {
    session.tell({ kind: "lost", destination, frames, file: file.name });
  }
}

/** By destination, the frames of the segment that it does not have and that may leave. */
async function framesLackedBy(
  { dir, fs, now, store, mayLeave }: ShipSession,
  destinations: readonly DestinationShipper[],
  file: QueueFile,
): Promise<ReadonlyMap<string, number>> {
  const lost = new Map<string, number>();
  const reader = createSegmentReader({ dir, fs, now }, file.name);
  for (;;) {
    const { frames, held, damage, unsupported } = await reader.next(PART_BYTES, true);
    if (frames.length + held.length + damage.length + unsupported.length === 0) return lost;
    for (const { name } of destinations) {
      const cursor = store.ledger.destinations.get(name)?.cursor ?? new Map<string, number>();
      const isLacked = (ref: FrameRef) => !covers(cursor, ref.header) && mayLeave(ref) === true;
      const count = [...frames, ...held].filter(isLacked).length;
      if (count > 0) lost.set(name, (lost.get(name) ?? 0) + count);
    }
    for (const ref of [...frames, ...held]) reader.release(ref);
  }
}

/** Removes the file, then what the ledger says of it. */
async function remove(
  { dir, fs, store, guard, queue }: ShipSession,
  destinations: readonly DestinationShipper[],
  file: QueueFile,
  count: (ledger: Ledger) => Ledger,
): Promise<void> {
  await guard();
  const { day } = segmentPlace(file.name)!;
  if ((await removeDay({ dir, fs }, { ...file, day })) === "kept") return;
  queue.remove(file.name);
  const files = new Set([file.name]);
  await store.change((ledger) => withoutFiles(count(ledger), files));
  for (const each of destinations) each.forget(files);
}
