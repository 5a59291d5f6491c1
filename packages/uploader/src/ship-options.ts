import type { EpochMs } from "@promferry/core/series";
import type { ProcessTable } from "./lock-holder.ts";
import type { MayLeave } from "./plan.ts";
import type { UploadCleanup } from "./retention-plan.ts";
import type { UploadFs } from "./upload-fs.ts";
import type { UploadTarget } from "./upload-options.ts";

export interface ShipOptions {
  readonly dir: string;
  /** Each with a name of its own, and all keep history. */
  readonly targets: readonly UploadTarget[];
  /** Which frames may leave. Default: all. */
  readonly mayLeave?: MayLeave;
  /**
   * Bytes that day files, quarantine and rejected samples may take together. Above it what was refused or damaged goes
   * first, then the oldest segments, sent or not; the newest segment stays. Default: no bound.
   */
  readonly maxBytes?: number;
  /** What becomes of day files that are no segments; see `upload`. Default: they stay. */
  readonly cleanup?: UploadCleanup;
  /** How long frames are gathered before they are sent, in milliseconds. Default 1 000. */
  readonly lingerMs?: number;
  /** How long frames wait where programs write day files beside the segments, in milliseconds. Default 10 000. */
  readonly settleMs?: number;
  /** After how long what a receiver refuses for its settings (401, 403, 404, 3xx) is tried again. Default 60 000 ms. */
  readonly patientMs?: number;
  /** Told once when something begins or ends, not again while it lasts. */
  readonly onEvent?: (event: ShipEvent) => void;
  readonly fs?: UploadFs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Waits. Default: a timer. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Jitter source in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
  readonly processes?: ProcessTable;
}

/** Something that a person should know. */
export type ShipEvent =
  /** Another process uploads from this directory; nothing is sent until it has ended. */
  | { readonly kind: "busy"; readonly message: string }
  | {
      readonly kind: "failing";
      readonly destination: string;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly kind: "recovered"; readonly destination: string; readonly afterMs: number }
  /** Samples that the receiver will never take; `unknown`: it may have them. */
  | {
      readonly kind: "refused" | "unknown";
      readonly destination: string;
      readonly samples: number;
      readonly reason: string;
    }
  /** Deleted before the destination had them, for want of room. */
  | { readonly kind: "lost"; readonly destination: string; readonly frames: number; readonly file: string }
  | { readonly kind: "note"; readonly destination: string; readonly message: string }
  | {
      readonly kind: "damaged";
      readonly file: string;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
    }
  /** What is settled could not be deleted, or the directory not be read; it is tried again. */
  | { readonly kind: "local"; readonly message: string };

export interface DestinationStatus {
  readonly name: string;
  /** Samples, over all time. */
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Frames that were deleted before it had them, over all time. */
  readonly lostFrames: number;
  /** Of day files that it does not have yet. */
  readonly backlogBytes: number;
  /** Of the oldest frame that it lacks; undefined where it has all. */
  readonly oldestUnsentMs: EpochMs | undefined;
  /** The last attempt's failure, where it failed. */
  readonly failure: string | undefined;
}

export interface ShipStatus {
  /** Whether this process may send; before that another one does. */
  readonly isActive: boolean;
  readonly destinations: readonly DestinationStatus[];
  /** Day files, quarantine and rejected samples, in bytes. */
  readonly queueBytes: number;
  readonly segments: number;
  /** Stretches of segments that hold no valid frame, since the start. */
  readonly damaged: number;
}

/** Carries a journal to its destinations as it grows. */
export interface Shipper {
  /** Says that a frame was written; it is sent within `lingerMs`. What others write is found within seconds. */
  wake(): void;
  /** As {@link ShipStatus.isActive}. */
  readonly isActive: boolean;
  /** Looks at the directory first. */
  status(): Promise<ShipStatus>;
  /** Goes on with these targets. What is under way is finished first, for five seconds at most. */
  retarget(targets: readonly UploadTarget[]): Promise<void>;
  /**
   * Sends what there is and ends: at once for destinations that fail, when `signal` aborts for all. Resolves when the
   * ledger is closed.
   */
  stop(signal: AbortSignal): Promise<void>;
  /** Rejects where shipping can't begin or go on: the ledger is damaged or of another version. Else resolves with `stop`. */
  readonly ended: Promise<void>;
}
