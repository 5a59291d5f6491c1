import type { FrameRef } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import {
  type DestinationRecord,
  type FileRecord,
  type FileStatus,
  type Ledger,
  type NextRequest,
  withFile,
  withRecord,
} from "./ledger.ts";
import {
  type Cursor,
  contains,
  covers,
  lastFrames,
  raise,
  type SeqRanges,
  upTo,
  withFrames,
  withoutRanges,
} from "./seqs.ts";
import type { Window } from "./window.ts";

/** Samples of one file by what became of them. */
export interface FileCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
}

/** What happened since the ledger was last written. */
export interface Settlement {
  readonly files: ReadonlyMap<string, FileCounts>;
  /** Windows of which every sample was answered for. */
  readonly finished: readonly Window[];
  /** The window that `next` belongs to. */
  readonly named: Window | undefined;
  readonly next: NextRequest | undefined;
  /** Files whose counts start anew because they are sent again. */
  readonly restarted: ReadonlySet<string>;
}

export interface SettleContext {
  readonly name: string;
  /** Every frame that is due, by file: what a file's `success` is told from. */
  readonly due: ReadonlyMap<string, readonly FrameRef[]>;
  readonly nowMs: EpochMs;
}

export const noCounts: FileCounts = { accepted: 0, refused: 0, unknown: 0 };

/** The ledger after a settlement. Pure. */
export function settle(ledger: Ledger, settlement: Settlement, context: SettleContext): Ledger {
  const { name } = context;
  const { finished, named, next, restarted } = settlement;
  let record: DestinationRecord = { ...ledger.destinations.get(name)!, next };
  const touched = new Set<string>(settlement.files.keys());
  const passedOver = new Map<string, number>();
  for (const window of finished) {
    record = afterWindow(record, window);
    for (const { file } of window.steps) touched.add(file);
    for (const ref of [...window.late, ...window.passed]) touched.add(ref.file);
    for (const { file } of window.passed) passedOver.set(file, (passedOver.get(file) ?? 0) + 1);
  }
  if (named) record = withLate(record, named.late);
  for (const counts of settlement.files.values()) {
    record = {
      ...record,
      accepted: record.accepted + counts.accepted,
      refused: record.refused + counts.refused,
      unknown: record.unknown + counts.unknown,
    };
  }
  let settled = withRecord(ledger, name, record);
  for (const file of touched) {
    const known = restarted.has(file) ? undefined : ledger.files.get(file)?.get(name);
    const { accepted, refused, unknown } = settlement.files.get(file) ?? noCounts;
    const counts = {
      metricsCount: (known?.metricsCount ?? 0) + accepted,
      refused: (known?.refused ?? 0) + refused,
      unknown: (known?.unknown ?? 0) + unknown,
      passedOver: (known?.passedOver ?? 0) + (passedOver.get(file) ?? 0),
    };
    const status = statusOf(counts, record, context.due.get(file) ?? []);
    const uploadedAt = new Date(context.nowMs).toISOString();
    settled = withFile(settled, file, name, { uploadedAt, status, ...counts });
  }
  return settled;
}

/** The ledger after a failure: files of which nothing arrived yet are listed too. Pure. */
export function withFailedFiles(ledger: Ledger, { name, due, nowMs }: SettleContext): Ledger {
  const record = ledger.destinations.get(name);
  let changed = ledger;
  for (const [file, refs] of due) {
    const known = ledger.files.get(file)?.get(name);
    if (!record || refs.every((ref) => isDone(ref, record))) continue;
    const { metricsCount = 0, refused = 0, unknown = 0, passedOver = 0 } = known ?? {};
    const status = metricsCount > 0 ? "partial" : "failed";
    const uploadedAt = known?.uploadedAt ?? new Date(nowMs).toISOString();
    changed = withFile(changed, file, name, {
      uploadedAt,
      status,
      metricsCount,
      refused,
      unknown,
      passedOver,
    });
  }
  return changed;
}

/** Whether everything that the file's frames hold was answered for. */
export function isDone(
  frame: FrameRef,
  record: { readonly cursor: Cursor; readonly late: SeqRanges },
): boolean {
  return covers(record.cursor, frame.header) && !contains(record.late, frame.header);
}

/** The frames of the window's steps, one range for each session. */
export function framesOf(window: Window): SeqRanges {
  return withFrames(
    new Map(),
    window.steps.flatMap((step) => step.refs.map((ref) => ref.header)),
  );
}

function afterWindow(record: DestinationRecord, window: Window): DestinationRecord {
  const frames = framesOf(window);
  const passed = window.passed.map((ref) => ref.header);
  const withOwed = withLate(record, window.late);
  // What followed a late frame in its session has shown its growth.
  const shown = upTo(withFrames(frames, passed));
  return {
    ...withOwed,
    cursor: raise(raise(withOwed.cursor, lastFrames(frames)), passed),
    late: window.settleMs === undefined ? withoutRanges(withOwed.late, shown) : new Map(),
    newestMs: window.steps.reduce<EpochMs | undefined>(
      (newest = 0, { atMs }) => Math.max(newest, atMs),
      record.newestMs,
    ),
  };
}

function withLate(record: DestinationRecord, refs: readonly FrameRef[]): DestinationRecord {
  const late = refs.map((ref) => ref.header);
  return { ...record, cursor: raise(record.cursor, late), late: withFrames(record.late, late) };
}

function statusOf(
  counts: Omit<FileRecord, "uploadedAt" | "status">,
  record: DestinationRecord,
  due: readonly FrameRef[],
): FileStatus {
  const isClean = counts.refused === 0 && counts.unknown === 0 && counts.passedOver === 0;
  if (isClean && due.every((ref) => isDone(ref, record))) return "success";
  return counts.metricsCount === 0 && !isClean ? "failed" : "partial";
}
