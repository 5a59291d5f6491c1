import {
  createSegmentReader,
  type Damage,
  type FrameRef,
  type Journal,
  JournalError,
  openJournal,
  type SegmentReader,
  type SegmentStretch,
} from "@promferry/core/journal";
import { createTotals, leavingTime } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import { DeliveryStopped } from "./attempt.ts";
import { createDelivery, type UploadSession } from "./create-delivery.ts";
import { deliverPart, type Progress } from "./deliver-history.ts";
import { dropRequest } from "./drop-request.ts";
import { failureOf } from "./failure.ts";
import { identityDigest } from "./identity-digest.ts";
import type { DestinationRecord, NextRequest } from "./ledger.ts";
import { UploadBusyError } from "./lock.ts";
import { createPace } from "./pace.ts";
import type { DestinationReport } from "./report.ts";
import { createRequestMaker, type RequestMaker } from "./request-maker.ts";
import { restartTotals } from "./restart-totals.ts";
import { retainedDestination } from "./retention-plan.ts";
import type { QueueFile } from "./segment-queue.ts";
import { type Cursor, covers, raise } from "./seqs.ts";
import { claim } from "./serve.ts";
import type { DestinationStatus } from "./ship-options.ts";
import type { ShipSession } from "./ship-session.ts";
import { createTally } from "./tally.ts";
import { knownTotals } from "./totals-store.ts";
import type { UploadTarget } from "./upload-options.ts";
import { type AttemptWatch, watchDestination } from "./watch-destination.ts";

/** A segment that a destination has. */
export interface PassedSegment extends QueueFile {
  readonly damage: readonly Damage[];
  /** Whether it has frames that are not to be sent now: of a wrong clock, or of a later version. */
  readonly isHeld: boolean;
  /** When the first of these may be sent. */
  readonly heldUntilMs: EpochMs;
}

/** Serves one destination for as long as there is something to send. */
export interface DestinationShipper {
  readonly name: string;
  /**
   * Sends the next part. Nothing of what went before has to be repeated after a failure, but the totals begin anew.
   *
   * @returns Whether there is more on the disk.
   * @throws {DeliveryStopped | LedgerError | JournalError | UploadBusyError} The next call goes on from the ledger.
   */
  next(signal: AbortSignal): Promise<boolean>;
  /** What it has of a segment: all, as of this size. */
  passed(file: QueueFile): PassedSegment | undefined;
  /** Whether everything in a segment was read. */
  hasRead(file: QueueFile): boolean;
  /** Forgets segments that are gone. */
  forget(files: ReadonlySet<string>): void;
  /** Forgets sessions of which no segment is left. */
  forgetSessions(sessions: ReadonlySet<string>): void;
  status(): DestinationStatus;
}

/** Bytes of a segment that are planned at a time; what is held in memory follows from it. */
const PART_BYTES = 4 * 1024 * 1024;
/** How long late frames may be owed before the totals begin anew to settle them. */
const SETTLE_LATE_MS = 60_000;

interface Reading {
  readonly file: QueueFile;
  readonly reader: SegmentReader;
  readonly damage: Damage[];
  /** Up to here its frames are pending or were taken. */
  takenBytes: number;
  isHeld: boolean;
  heldUntilMs: EpochMs;
  /** Whether it was read to its end, and nothing is added any more. */
  isOver: boolean;
}

interface State {
  progress: Progress;
  /** One for each segment, so that series that are gone are forgotten with it. */
  journal: Journal;
  maker: RequestMaker;
  reading: Reading | undefined;
  /** Frames of segments that the totals don't have yet. */
  pending: readonly FrameRef[];
  readonly begunMs: EpochMs;
}

export function createDestinationShipper(session: ShipSession, target: UploadTarget): DestinationShipper {
  const { dir, fs, now, sleep, store, queue, mayLeave, settleMs, patientMs, tell } = session;
  const { project, projectionId = "", samplesPerSecond } = target;
  const watch: AttemptWatch = watchDestination(target.destination, { now, tell });
  const { destination } = watch;
  const { name } = destination;
  const identity = identityDigest(destination);
  const passed = new Map<string, PassedSegment>();
  const pace = createPace({ samplesPerSecond, now, sleep });
  let state: State | undefined;

  const recordOf = (): DestinationRecord => store.ledger.destinations.get(name)!;
  const passedAll = (file: QueueFile): PassedSegment | undefined => {
    const known = passed.get(file.name);
    const isSame = known?.identity === file.identity && known.sizeBytes === file.sizeBytes;
    return isSame && known.heldUntilMs > now() ? known : undefined;
  };

  async function begin(): Promise<State> {
    await beginAnew();
    const known = knownTotals(session.totals.totals.get(name), { identity, projectionId });
    const totals = createTotals({ project, ...(known && { checkpoint: known.checkpoint }) });
    return {
      progress: { totals, given: known?.through ?? new Map() },
      journal: openSegments(),
      maker: createRequestMaker(destination.limits),
      reading: undefined,
      pending: [],
      begunMs: now(),
    };
  }

  /** Where the totals of a program's days are lost; scraped pages have none. */
  async function beginAnew(): Promise<void> {
    const { otherFiles: journal, others: index } = queue;
    const stored = session.totals.totals.get(name);
    const isKnown = knownTotals(stored, { identity, projectionId }) !== undefined;
    const isLost = session.totals.isDamaged || stored?.identity === identity;
    if (isKnown || !isLost || !index.frames.some(({ header }) => header.origin === "app")) return;
    const { next } = recordOf();
    const tally = createTally(name, true);
    if (next)
      await dropRequest(
        { store, tally, destination, frames: index.frames, coarseness: project.coarseness, now },
        next,
      );
    await restartTotals(
      { journal, index, store, totals: session.totals, quarantined: new Set(), mayLeave },
      retainedDestination(target),
    );
    tell({
      kind: "note",
      destination: name,
      message: `the counters of programs start again from 0 for ${name}`,
    });
  }

  function openSegments(): Journal {
    return openJournal(dir, { fs, now, sessionsKept: Number.POSITIVE_INFINITY });
  }

  /** @returns Whether more is on the disk than was read. */
  async function fill(at: State): Promise<boolean> {
    const file = at.reading?.file ?? queue.segments.find((each) => !passedAll(each));
    if (file === undefined) return false;
    at.reading ??= {
      file,
      reader: createSegmentReader({ dir, fs, now }, file.name),
      damage: [],
      takenBytes: 0,
      isHeld: false,
      heldUntilMs: Number.POSITIVE_INFINITY,
      isOver: false,
    };
    const { reading } = at;
    if (reading.isOver) return true;
    const isLast = queue.segments.at(-1)?.name === file.name;
    const stretch = await nextStretch(reading, !isLast);
    if (stretch === undefined) {
      queue.remove(file.name);
      at.reading = undefined;
      return true;
    }
    const { frames, held, damage, unsupported } = stretch;
    for (const each of damage) {
      const { file: where, offsetBytes, lengthBytes, recovered } = each;
      reading.damage.push(each);
      if (!recovered) tell({ kind: "damaged", file: where, offsetBytes, lengthBytes });
    }
    if (held.length + unsupported.length > 0) reading.isHeld = true;
    for (const { header } of held) {
      if (header.writtenMs > now()) reading.heldUntilMs = Math.min(reading.heldUntilMs, header.writtenMs);
    }
    for (const { header } of [...frames, ...held]) {
      if (header.origin === "scrape") session.lastSegmentOf.set(header.session, file.name);
    }
    reading.takenBytes = reading.reader.offsetBytes;
    at.pending = [...at.pending, ...frames.filter(({ header }) => !covers(at.progress.given, header))];
    const isEmpty = frames.length + held.length + damage.length + unsupported.length === 0;
    if (isEmpty && !isLast) reading.isOver = true;
    return !isEmpty || !isLast;
  }

  /** Undefined where the file was deleted since the last look, by then settled. */
  async function nextStretch({ reader }: Reading, isOver: boolean): Promise<SegmentStretch | undefined> {
    try {
      return await reader.next(PART_BYTES, isOver);
    } catch (error) {
      const isGone = error instanceof JournalError && error.code === "ERR_JOURNAL_GONE";
      if (isGone && reader.offsetBytes === 0) return undefined;
      throw error;
    }
  }

  /** What is left of these once the totals have what they have. */
  function left(frames: readonly FrameRef[], given: Cursor): FrameRef[] {
    return frames.filter((ref) => !covers(given, ref.header) && mayLeave(ref) === true);
  }

  /** The earlier part of a journal that ended before what was under way: nothing is sent of it. */
  async function fold(at: State): Promise<void> {
    const { totals, given } = at.progress;
    const refs = [...at.pending].sort(byTime);
    for (const ref of refs) totals.fold(await at.journal.read(ref), { late: false });
    at.progress = { totals, given: raise(given, headersOf(refs)) };
    settlePending(at);
  }

  function settlePending(at: State): void {
    const before = at.pending;
    at.pending = left(before, at.progress.given);
    const lasting = new Set(at.pending);
    for (const ref of before) if (!lasting.has(ref)) at.reading?.reader.release(ref);
  }

  async function deliver(at: State, isAtEnd: boolean, signal: AbortSignal): Promise<boolean> {
    const { given } = at.progress;
    const asOfMs = Math.floor(now());
    const others = queue.others.frames.filter(({ header }) => !covers(given, header));
    const { maxFutureMs = Number.POSITIVE_INFINITY } = destination.limits;
    // Several programs write at one instant; a scraped page is written by one, and need not wait.
    const dueMs = queue.hasOthers ? asOfMs - settleMs : asOfMs + maxFutureMs;
    const newestMs = at.pending.reduce((newest, { header }) => Math.max(newest, header.writtenMs), 0);
    const untilMs = isAtEnd ? dueMs : Math.min(dueMs, newestMs);
    const frames = [...others, ...at.pending].sort(byTime);
    const isDue = left(frames, given).some(
      ({ header }) => leavingTime(header, project.coarseness) <= untilMs,
    );
    if (!isDue && recordOf().next === undefined) return true;

    const tally = createTally(name, true);
    const shared: UploadSession = {
      options: {
        journal: at.journal,
        targets: [],
        mayLeave,
        signal,
        timeoutMs: Number.POSITIVE_INFINITY,
        random: session.random,
        now,
      },
      fs,
      now,
      sleep,
      store,
      index: { frames, held: [], damage: [], unsupported: [], files: [] },
      totals: session.totals,
      quarantined: new Set(),
      journal: at.journal,
      mayLeave,
      guard: session.guard,
      asOfMs,
    };
    const delivery = createDelivery(shared, { ...target, destination }, tally, {
      frames,
      untilMs,
      given,
      createTotals: () => createTotals({ project, checkpoint: at.progress.totals.checkpoint() }),
      read: (ref) => at.journal.read(ref),
      pace,
      patientMs,
    });
    try {
      const after = await deliverPart(delivery, at.progress, at.maker);
      if (after === undefined) return false;
      at.progress = after;
      settlePending(at);
      return true;
    } finally {
      tellReport(tally.report(store.ledger));
    }
  }

  function tellReport({ refused, unknown, notes }: DestinationReport): void {
    for (const { reason, count } of refused) {
      tell({ kind: "refused", destination: name, samples: count, reason });
    }
    if (unknown > 0) {
      const reason = "an answer was lost, and the receiver refused them when they were sent again";
      tell({ kind: "unknown", destination: name, samples: unknown, reason });
    }
    for (const message of notes) tell({ kind: "note", destination: name, message });
  }

  /** Goes on to the next segment, with totals that can be gone on with after this one is deleted. */
  async function cross(at: State, { file, damage, isHeld, heldUntilMs, reader }: Reading): Promise<void> {
    const { totals, given } = at.progress;
    const checkpoint = totals.checkpoint({ passesOn: true });
    await session.guard();
    const record = { identity, projectionId, through: given, checkpoint };
    await session.totals.change((stored) => new Map(stored).set(name, record));
    at.progress = { totals: createTotals({ project, checkpoint }), given };
    at.journal = openSegments();
    at.maker = createRequestMaker(destination.limits);
    at.reading = undefined;
    const { name: file_ } = file;
    const size = { ...file, sizeBytes: Math.max(file.sizeBytes, reader.offsetBytes) };
    passed.set(file_, { ...size, damage, isHeld, heldUntilMs });
  }

  /** Whether the request that was under way stands in what was read. */
  function isResumable(at: State, next: NextRequest, isAtEnd: boolean): boolean {
    if (isAtEnd) return true;
    if (next.frames.size === 0) return false;
    const highest = raise(new Map(), headersOf([...queue.others.frames, ...at.pending]));
    return [...next.frames].every(([id, ranges]) => (highest.get(id) ?? -1) >= ranges.at(-1)![1]);
  }

  async function next(at: State, signal: AbortSignal): Promise<boolean> {
    let isMore = await fill(at);
    const { next: under } = recordOf();
    while (under !== undefined && isMore && !at.reading?.isOver && !isResumable(at, under, false)) {
      signal.throwIfAborted();
      isMore = await fill(at);
    }
    const isBefore = under !== undefined && !isResumable(at, under, !isMore);
    if (isBefore && at.pending.every(({ header }) => covers(recordOf().cursor, header))) await fold(at);
    else if (!(await deliver(at, !isMore, signal))) {
      state = undefined;
      return true;
    }
    const { reading } = at;
    const owes = recordOf().late.size > 0;
    if (owes && !isMore && Math.abs(now() - at.begunMs) > SETTLE_LATE_MS) state = undefined;
    if (reading?.isOver && at.pending.length === 0 && !owes) await cross(at, reading);
    else if (reading?.isOver) return false;
    return isMore;
  }

  return {
    name,
    async next(signal) {
      await claim({ store }, { ...target, destination }, createTally(name, true));
      state ??= await begin();
      try {
        return await next(state, signal);
      } catch (error) {
        state = undefined;
        const cause = error instanceof DeliveryStopped ? error.cause : error;
        if (cause instanceof UploadBusyError) throw cause;
        if (!signal.aborted) watch.fail(failureOf(error, undefined));
        throw error;
      }
    },
    passed: passedAll,
    hasRead({ name: file, sizeBytes }) {
      const reading = state?.reading;
      return reading?.file.name === file && reading.takenBytes >= sizeBytes;
    },
    forget(files) {
      for (const file of files) passed.delete(file);
      const isRead = files.has(state?.reading?.file.name ?? "");
      if (isRead || state?.pending.some(({ file }) => files.has(file))) state = undefined;
    },
    forgetSessions(sessions) {
      if (!state) return;
      const { totals, given } = state.progress;
      state.progress = { totals, given: new Map([...given].filter(([id]) => !sessions.has(id))) };
    },
    status() {
      const record = store.ledger.destinations.get(name);
      const isUnsent = ({ header }: FrameRef) => !record || !covers(record.cursor, header);
      const here = [...(state?.pending ?? []), ...queue.others.frames].filter(
        (ref) => isUnsent(ref) && mayLeave(ref) === true,
      );
      const ahead = queue.segments.filter((file) => !passedAll(file));
      const read = state?.reading?.takenBytes ?? 0;
      const bytes =
        ahead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) -
        read +
        here.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
      const oldest = here.reduce(
        (first, { header }) => Math.min(first, header.writtenMs),
        Number.POSITIVE_INFINITY,
      );
      return {
        name,
        accepted: record?.accepted ?? 0,
        refused: record?.refused ?? 0,
        unknown: record?.unknown ?? 0,
        lostFrames: record?.lostFrames ?? 0,
        backlogBytes: Math.max(0, bytes),
        oldestUnsentMs: Number.isFinite(oldest) ? oldest : undefined,
        failure: watch.failure,
      };
    },
  };
}

function headersOf(refs: readonly FrameRef[]): FrameRef["header"][] {
  return refs.map((ref) => ref.header);
}

function byTime({ header: a }: FrameRef, { header: b }: FrameRef): number {
  if (a.writtenMs !== b.writtenMs) return a.writtenMs - b.writtenMs;
  if (a.session !== b.session) return a.session < b.session ? -1 : 1;
  return a.seq - b.seq;
}
