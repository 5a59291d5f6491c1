import type { Destination, RetryOptions } from "@promferry/core/delivery";
import type { Frame, FrameRef } from "@promferry/core/journal";
import type { Coarseness, Totals } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { LedgerStore } from "./ledger-store.ts";
import type { FrameChoice, MayLeave } from "./plan.ts";
import type { Rejection } from "./rejected.ts";
import type { Cursor } from "./seqs.ts";
import type { SettleContext } from "./settle.ts";
import type { Tally } from "./tally.ts";

/** All that serving one destination needs. In a dry run the effects in it do nothing. */
export interface Delivery {
  readonly destination: Destination;
  readonly store: LedgerStore;
  readonly tally: Tally;
  /** The journal's frames, by the time at which they leave. */
  readonly frames: readonly FrameRef[];
  /** How coarse the destination sees a program's totals. */
  readonly coarseness: Coarseness | undefined;
  readonly choice: FrameChoice;
  readonly mayLeave: MayLeave;
  /** When the upload began: what ages are counted from. */
  readonly asOfMs: EpochMs;
  /** Frames that leave after this wait. */
  readonly untilMs: EpochMs;
  readonly maxAgeMs: number | undefined;
  /** With `onTooOld: "collapse"`: frames that leave before this show only in later totals. */
  readonly collapseBeforeMs: EpochMs | undefined;
  /** Frames that the totals' checkpoint has. */
  readonly given: Cursor;
  readonly retry: Omit<RetryOptions, "deadline">;
  /** After how long settings that the receiver refuses are tried again, in milliseconds; absent: the delivery stops. */
  readonly patientMs?: number;
  /** Whether more frames come after these. */
  readonly isContinued?: boolean;
  /** By file, the frames that make it a `success` once they are settled. */
  due: SettleContext["due"];
  /** Frames that are due, and how many of them were read. */
  readFrames?: { done: number; readonly total: number };
  /** Whether files count anew when they are touched: they are being sent again. */
  restartsFiles: boolean;
  createTotals(): Totals;
  read(ref: FrameRef): Promise<Frame>;
  now(): EpochMs;
  /** The latest start of another attempt, when nothing has moved on since now. */
  deadline(): EpochMs;
  /** Rejects when this process may no longer upload. */
  guard(): Promise<void>;
  /** Waits until so many samples may be sent. */
  pace(samples: number, deadline: EpochMs): Promise<void>;
  /** Waits, but not past the deadline. */
  wait(ms: number, deadline: EpochMs): Promise<void>;
  /** Those of the files whose counts start anew with this change. */
  restarted(files: Iterable<string>): ReadonlySet<string>;
  reject(rejection: Rejection): Promise<void>;
  progress(): void;
}
