import {
  type FrameRef,
  type JournalFile,
  type JournalIndex,
  segmentPlace,
  segmentsAmong,
} from "@promferry/core/journal";
import type { Projection } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import { identityDigest } from "./identity-digest.ts";
import type { Ledger } from "./ledger.ts";
import type { Leftover } from "./leftovers.ts";
import { append, type MayLeave } from "./plan.ts";
import type { DeletionCause, KeptDay, LostFrames } from "./report.ts";
import { isDone } from "./settle.ts";
import type { UploadTarget } from "./upload-options.ts";

const DAY_MS = 86_400_000;

/** A configured destination, as far as deletion looks at it. */
export interface RetainedDestination {
  readonly name: string;
  /** As in the ledger. */
  readonly identity: string;
  readonly keepsHistory: boolean;
  readonly project: Projection;
  /** As in the totals' checkpoint. */
  readonly projectionId: string;
}

/**
 * Which closed days are deleted after the upload. Segments of an agent go as soon as they are settled, but for the
 * newest one; nothing below concerns them.
 */
export interface UploadCleanup {
  /** Settled days younger than this stay, counted from the date's end in UTC. Default 0. */
  readonly olderThanDays?: number;
  /** Days at least as old as this go, settled or not, counted in the same way. Default: none. */
  readonly unsettledOlderThanDays?: number;
  /** Bytes that day files, quarantine and rejected samples may take; then the oldest days go, settled or not. Default: no bound. */
  readonly maxBytes?: number;
}

export interface RetentionPlanOptions extends UploadCleanup {
  readonly index: JournalIndex;
  readonly leftovers: readonly Leftover[];
  readonly ledger: Ledger;
  /** All that are configured, not only those of this upload. */
  readonly destinations: readonly RetainedDestination[];
  readonly mayLeave: MayLeave;
  readonly now: EpochMs;
}

/** One day that goes. */
export interface GoingDay {
  readonly day: string;
  readonly cause: DeletionCause;
  /** Each with what is lost with it. */
  readonly files: readonly { readonly file: JournalFile; readonly lost: readonly LostFrames[] }[];
  readonly leftovers: readonly Leftover[];
}

export interface RetentionPlan {
  /** Oldest first. */
  readonly days: readonly GoingDay[];
  readonly kept: readonly KeptDay[];
  /** Whether frames go that no destination keeps the history of. */
  readonly dropsHistory: boolean;
  /** Bytes above `maxBytes` that remain, since only closed days go. */
  readonly bytesOver: number;
}

/**
 * Which closed days go: those whose every frame is settled for every configured destination, then
 * those that are too old, then the oldest as long as there is too much; of an agent's segments those
 * that are settled.
 *
 * A destination without history settles a day only when no configured one keeps history; one with history none as
 * long as it has refused all that it was sent. A day stays
 * as long as an older one does, since totals go on from all that was deleted. Frames dated by a wrong
 * clock, or of a later version, go for want of room only. Pure.
 */
export function planRetention(options: RetentionPlanOptions): RetentionPlan {
  const { index, leftovers, now, destinations } = options;
  const { olderThanDays = 0, unsettledOlderThanDays = Number.POSITIVE_INFINITY } = options;
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  const historians = destinations.filter((each) => each.keepsHistory);
  const deciding = historians.length > 0 ? historians : destinations;
  const byDay = new Map<string, { files: JournalFile[]; leftovers: Leftover[] }>();
  const contentOf = (day: string) => {
    const content = byDay.get(day) ?? { files: [], leftovers: [] };
    byDay.set(day, content);
    return content;
  };
  const dayFiles = index.files.filter(({ name }) => segmentPlace(name) === undefined);
  for (const file of dayFiles) contentOf(file.day).files.push(file);
  for (const each of leftovers) if (each.day !== undefined) contentOf(each.day).leftovers.push(each);
  const framesByFile = new Map<string, FrameRef[]>();
  for (const ref of index.frames) append(framesByFile, ref.file, ref);

  const causes = new Map<string, DeletionCause>();
  const kept: KeptDay[] = [];
  const inOrder = [...byDay].sort(([a], [b]) => (a < b ? -1 : 1));
  let stays: string | undefined;
  for (const [day, { files }] of inOrder) {
    if (files.length === 0) continue;
    const isOlderThan = (days: number) => Date.parse(`${day}T24:00:00Z`) + days * DAY_MS <= now;
    const isOld = isOlderThan(olderThanDays);
    const isTooOld = isOlderThan(unsettledOlderThanDays);
    if (!(isOld || isTooOld) || files.some((file) => !file.closed)) {
      stays ??= day;
      continue;
    }
    const older = stays === undefined ? undefined : `an older day, ${stays}, stays`;
    const strange = older ?? reasonOfContent(files);
    const reason = strange ?? reasonOfDestinations(files);
    if (reason === undefined) causes.set(day, isOld ? "settled" : "age");
    else if (strange === undefined && isTooOld) causes.set(day, "age");
    else {
      kept.push({ day, reason });
      stays ??= day;
    }
  }

  keepInterleaved();
  const { going: goingLeftovers, bytesLeft } = makeRoom();
  const segments = settledSegments();
  const days = [
    ...inOrder.flatMap(([day, content]) => goingDay(day, content)),
    ...segments.map(
      (file): GoingDay => ({ day: file.day, cause: "settled", files: [{ file, lost: [] }], leftovers: [] }),
    ),
  ].sort((a, b) => (a.day < b.day ? -1 : Number(a.day > b.day)));
  return {
    days,
    kept: kept.filter(({ day }) => !causes.has(day)),
    dropsHistory: causes.size + segments.length > 0 && historians.length === 0,
    bytesOver: Math.max(0, bytesLeft - maxBytes),
  };

  function goingDay(
    day: string,
    {
      files,
      leftovers: own,
    }: { readonly files: readonly JournalFile[]; readonly leftovers: readonly Leftover[] },
  ): GoingDay[] {
    const cause = causes.get(day);
    const gone = own.filter((each) => goingLeftovers.has(each));
    if (cause === undefined && gone.length === 0) return [];
    const goingFiles = cause === undefined ? [] : files.map((file) => ({ file, lost: lostWith(file) }));
    return [{ day, cause: cause ?? "size", files: goingFiles, leftovers: gone }];
  }

  /** The newest one may be written to; of a page that several hold, none overtakes another. */
  function settledSegments(): JournalFile[] {
    const files = new Map(index.files.map((file) => [file.name, file]));
    const inTime = segmentsAmong([...files.keys()]).map((name) => files.get(name)!);
    return inTime.slice(0, -1).filter((file) => {
      const own = framesByFile.get(file.name) ?? [];
      const isReadable = file.error === undefined && own.every(({ header }) => header.origin === "scrape");
      return isReadable && (reasonOfContent([file]) ?? reasonOfDestinations([file])) === undefined;
    });
  }

  /**
   * Takes back days that hold later frames of a session than a day that stays. Where the time zone or
   * the clock was changed, a session goes back to an earlier date; totals go on from what was deleted,
   * and what stays must come after it.
   */
  function keepInterleaved(): void {
    const firstStaying = new Map<string, { readonly seq: number; readonly day: string }>();
    const stay = (day: string) => {
      for (const { header } of framesOfDay(day)) {
        const known = firstStaying.get(header.session);
        if (known === undefined || header.seq < known.seq) {
          firstStaying.set(header.session, { seq: header.seq, day });
        }
      }
    };
    for (const [day] of inOrder) if (!causes.has(day)) stay(day);
    for (let isDone = false; !isDone; ) {
      isDone = true;
      for (const day of [...causes.keys()]) {
        const frame = framesOfDay(day).find(
          ({ header }) => header.seq > (firstStaying.get(header.session)?.seq ?? Number.POSITIVE_INFINITY),
        );
        if (frame === undefined) continue;
        const { day: other } = firstStaying.get(frame.header.session)!;
        kept.push({ day, reason: `its frames follow those of ${other}, which stays` });
        causes.delete(day);
        stay(day);
        isDone = false;
      }
    }
  }

  function framesOfDay(day: string): readonly FrameRef[] {
    return (byDay.get(day)?.files ?? []).flatMap(({ name }) => framesByFile.get(name) ?? []);
  }

  /** Adds to what goes, oldest first, until the rest fits. */
  function makeRoom(): { going: ReadonlySet<Leftover>; bytesLeft: number } {
    const going = new Set<Leftover>();
    let left = bytesOf(leftovers) + bytesOf(dayFiles.filter((file) => !causes.has(file.day)));
    let isBlocked = false;
    for (const [day, { files, leftovers: own }] of inOrder) {
      for (const each of own) {
        if (left <= maxBytes || !each.closed) continue;
        going.add(each);
        left -= each.sizeBytes;
      }
      if (left <= maxBytes || causes.has(day)) continue;
      isBlocked ||= files.some((file) => !file.closed);
      if (isBlocked || files.length === 0) continue;
      causes.set(day, "size");
      left -= bytesOf(files);
    }
    return { going, bytesLeft: left };
  }

  /** What keeps a day whoever has it. */
  function reasonOfContent(files: readonly JournalFile[]): string | undefined {
    for (const file of files) {
      const holds = (list: readonly { readonly file: string }[]) =>
        list.some((each) => each.file === file.name);
      if (holds(index.unsupported)) return `${file.name} holds frames of a later version`;
      if (holds(index.held)) return `${file.name} holds frames dated by a wrong clock`;
    }
    return undefined;
  }

  function reasonOfDestinations(files: readonly JournalFile[]): string | undefined {
    if (deciding.length === 0) return "no destination is configured";
    const barren = historians.find(({ name, identity }) => {
      const record = options.ledger.destinations.get(name);
      return record?.identity === identity && record.accepted === 0 && record.refused + record.unknown > 0;
    });
    // A wrong address answers as a receiver does that minds the samples.
    if (barren)
      return `${barren.name} took nothing so far; correct what it minds, then --force sends it again`;
    for (const file of files) {
      for (const destination of deciding) {
        const { name } = destination;
        const { missing, passedOver, unknown } = unsettled(file, destination);
        if (unknown > 0) {
          return `${unknown} frames of ${file.name} have lost what their session says, so that nobody knows whether they may leave`;
        }
        if (missing > 0) return `${name} does not have ${missing} frames of ${file.name}`;
        if (passedOver > 0) {
          return `${passedOver} frames of ${file.name} were passed over for ${name}; --force --from ${file.day} sends them`;
        }
      }
    }
    return undefined;
  }

  function lostWith(file: JournalFile): LostFrames[] {
    return deciding.flatMap((destination) => {
      const { missing, passedOver, unknown } = unsettled(file, destination);
      const frames = missing + passedOver + unknown;
      return frames > 0 ? [{ destination: destination.name, frames }] : [];
    });
  }

  function unsettled(file: JournalFile, { name, identity }: RetainedDestination) {
    const record = options.ledger.destinations.get(name);
    const left = (framesByFile.get(file.name) ?? []).filter(
      (ref) => !(record?.identity === identity && isDone(ref, record)),
    );
    return {
      missing: left.filter((ref) => options.mayLeave(ref) === true).length,
      // Withheld for want of an answer, not by one.
      unknown: left.filter((ref) => ref.info.lost === true && options.mayLeave(ref) !== true).length,
      passedOver: options.ledger.files.get(file.name)?.get(name)?.passedOver ?? 0,
    };
  }
}

/** Frames by destination. */
export function addUp(lost: readonly LostFrames[]): LostFrames[] {
  const byName = new Map<string, number>();
  for (const { destination, frames } of lost) {
    byName.set(destination, (byName.get(destination) ?? 0) + frames);
  }
  return [...byName].map(([destination, frames]) => ({ destination, frames }));
}

export function retainedDestination({
  destination,
  project,
  projectionId = "",
}: Pick<UploadTarget, "destination" | "project" | "projectionId">): RetainedDestination {
  const { name, keepsHistory } = destination;
  return { name, identity: identityDigest(destination), keepsHistory, project, projectionId };
}

function bytesOf(list: readonly { readonly sizeBytes: number }[]): number {
  return list.reduce((sum, each) => sum + each.sizeBytes, 0);
}
