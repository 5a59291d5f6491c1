import { dayOfFile, type FrameRef } from "@promferry/core/journal";
import { type Coarseness, leavingTime } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { DestinationRecord, NextRequest } from "./ledger.ts";
import { type Cursor, contains, covers } from "./seqs.ts";

/** Frames of one instant are written by several processes; so long after it none is expected any more. */
export const SETTLE_DELAY_MS = 10_000;

/** What the totals are given next, in order of time. */
export type PlannedAction =
  | {
      readonly kind: "fold";
      readonly ref: FrameRef;
      /**
       * `accepted`: sent before. `late`: newer samples were sent before it came. `passed`: the user
       * chose other days.
       */
      readonly why: "accepted" | "late" | "passed";
    }
  | { readonly kind: "step"; readonly atMs: EpochMs; readonly refs: readonly FrameRef[] };

export interface FramePlan {
  readonly actions: readonly PlannedAction[];
  /** Frames younger than ten seconds; the next upload takes them. */
  readonly waiting: readonly FrameRef[];
  /** Frames that consent keeps here, by reason. */
  readonly withheld: ReadonlyMap<string, readonly FrameRef[]>;
  /** Frames that the user's dates leave out and that no destination had. */
  readonly unchosen: readonly FrameRef[];
}

/** Which frames' samples are sent. It never changes what a sample says. */
export interface FrameChoice {
  /** `YYYY-MM-DD` of the first day file, inclusive. Default: no bound. */
  readonly from?: string;
  /** `YYYY-MM-DD` of the last day file, inclusive. Default: no bound. */
  readonly toDate?: string;
  /** Sends what was accepted before once more. Default false. */
  readonly force?: boolean;
}

/** Whether a frame may leave: true, or the reason why not. */
export type MayLeave = (frame: FrameRef) => true | string;

export interface FramePlanOptions {
  /** By the time at which they leave, and those of one such time as the journal's index has them. */
  readonly frames: readonly FrameRef[];
  readonly coarseness: Coarseness | undefined;
  readonly record: DestinationRecord;
  readonly choice: FrameChoice;
  readonly mayLeave: MayLeave;
  /** Frames that leave after this wait. */
  readonly untilMs: EpochMs;
  /** Frames that the totals have taken in already. */
  readonly given: Cursor;
  /** Frames of an application older than this show only in later totals. Default: none. */
  readonly collapseBeforeMs?: EpochMs;
  /** Whether more frames come after these, so that the totals have to take in the last ones too. Default false. */
  readonly isContinued?: boolean;
}

/**
 * Decides for each frame whether its samples are sent, whether it only adds to the totals, or
 * neither. Pure.
 */
export function planFrames(options: FramePlanOptions): FramePlan {
  const { record, choice, given, untilMs, coarseness, collapseBeforeMs = Number.NEGATIVE_INFINITY } = options;
  const newestMs = record.newestMs ?? Number.NEGATIVE_INFINITY;
  const waiting: FrameRef[] = [];
  const withheld = new Map<string, FrameRef[]>();
  const draft = beginActions();

  const take = (refs: readonly FrameRef[]) => {
    const isChosen = refs.some((ref) => isInside(ref, choice));
    const steps: FrameRef[] = [];
    for (const ref of refs) {
      const { header } = ref;
      const wasAccepted = covers(record.cursor, header);
      // A scraped page is never late: nothing but its own samples shows it.
      const isLate = header.origin === "app" && leavingTime(header, coarseness) <= newestMs;
      const isCollapsed = header.origin === "app" && leavingTime(header, coarseness) < collapseBeforeMs;
      const isWanted = choice.force || (!wasAccepted && !isLate);
      const isOwed = wasAccepted && !choice.force && contains(record.late, header);
      if (isChosen && isWanted && !isCollapsed) steps.push(ref);
      else if (isOwed || (isChosen && !wasAccepted)) draft.late.push(fold(ref, "late"));
      else
        (isLate && !choice.force ? draft.before : draft.rest).push(
          fold(ref, wasAccepted ? "accepted" : "passed"),
        );
    }
    if (steps.length > 0)
      draft.rest.push({ kind: "step", atMs: leavingTime(steps[0]!.header, coarseness), refs: steps });
  };

  let instant: FrameRef[] = [];
  for (const ref of options.frames) {
    if (covers(given, ref.header)) continue;
    const verdict = options.mayLeave(ref);
    if (verdict !== true) {
      append(withheld, verdict, ref);
      continue;
    }
    const atMs = leavingTime(ref.header, coarseness);
    if (atMs > untilMs) {
      take(instant);
      instant = [];
      // Accepted while the clock was ahead, or when steps were shorter: totals without it would fall.
      if (!covers(record.cursor, ref.header)) waiting.push(ref);
      else (choice.force ? draft.rest : draft.before).push(fold(ref, "accepted"));
      continue;
    }
    if (instant.length > 0 && leavingTime(instant[0]!.header, coarseness) !== atMs) {
      take(instant);
      instant = [];
    }
    instant.push(ref);
  }
  take(instant);

  const actions = inOrder(draft);
  const unchosen = actions.flatMap((each) =>
    each.kind === "fold" && each.why === "passed" ? [each.ref] : [],
  );
  const needed = options.isContinued ? actions.length : neededLength(actions);
  return { actions: actions.slice(0, needed), waiting, withheld, unchosen };
}

/**
 * How many of the actions decide what is sent: what was not chosen and comes last stays as new as it
 * was, and what was accepted and comes last matters only to what late frames are owed.
 */
function neededLength(actions: readonly PlannedAction[]): number {
  const isLate = (each: PlannedAction) => each.kind === "fold" && each.why === "late";
  const ends = actions.some(isLate)
    ? (each: PlannedAction) => each.kind === "step" || each.why !== "passed"
    : (each: PlannedAction) => each.kind === "step";
  return actions.findLastIndex(ends) + 1;
}

/**
 * The actions that make the samples of `record.next` once more: its frames after exactly the state
 * that they had then. Frames that came since are left out.
 */
export function planResume(
  frames: readonly FrameRef[],
  record: DestinationRecord,
  next: NextRequest,
  { mayLeave, given, coarseness }: Pick<FramePlanOptions, "mayLeave" | "given" | "coarseness">,
): readonly PlannedAction[] {
  const isNamed = ({ header }: FrameRef) =>
    covers(record.cursor, header) || contains(next.passed, header) || contains(next.frames, header);
  const baseMs = next.forced ? Number.NEGATIVE_INFINITY : (next.baseMs ?? Number.NEGATIVE_INFINITY);
  const draft = beginActions();
  let afterLast = 0;
  for (const ref of frames) {
    if (!isNamed(ref) || covers(given, ref.header) || mayLeave(ref) !== true) continue;
    const { header } = ref;
    const atMs = leavingTime(header, coarseness);
    if (contains(next.frames, header)) {
      const previous = draft.rest.at(-1);
      if (previous?.kind === "step" && previous.atMs === atMs) {
        draft.rest[draft.rest.length - 1] = { ...previous, refs: [...previous.refs, ref] };
      } else draft.rest.push({ kind: "step", atMs, refs: [ref] });
      afterLast = draft.rest.length;
    } else if (!next.forced && contains(record.late, header)) draft.late.push(fold(ref, "late"));
    else {
      const why = contains(next.passed, header) ? "passed" : "accepted";
      (header.origin === "app" && atMs <= baseMs ? draft.before : draft.rest).push(fold(ref, why));
    }
  }
  // What was sent again on purpose may be followed by what was accepted before.
  return inOrder(next.forced ? { ...draft, rest: draft.rest.slice(0, afterLast) } : draft);
}

/**
 * Late frames come after all that was sent before them, whose samples did not hold their growth, and
 * before what is sent next.
 */
interface Draft {
  readonly before: PlannedAction[];
  readonly late: PlannedAction[];
  readonly rest: PlannedAction[];
}

function beginActions(): Draft {
  return { before: [], late: [], rest: [] };
}

function inOrder({ before, late, rest }: Draft): PlannedAction[] {
  return [...before, ...late, ...rest];
}

function fold(ref: FrameRef, why: "accepted" | "late" | "passed"): PlannedAction {
  return { kind: "fold", ref, why };
}

/** Whether the dates take in the day file. */
export function isInside({ file }: Pick<FrameRef, "file">, { from, toDate }: FrameChoice): boolean {
  const day = dayOfFile(file) ?? "";
  return (from === undefined || day >= from) && (toDate === undefined || day <= toDate);
}

/** Adds to the list under a key. */
export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
