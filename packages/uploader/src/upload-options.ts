import type { Destination } from "@promferry/core/delivery";
import type { Journal } from "@promferry/core/journal";
import type { Projection } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { ProcessTable } from "./lock-holder.ts";
import type { FrameChoice, MayLeave } from "./plan.ts";
import type { PlannedRequest } from "./report.ts";
import type { UploadCleanup } from "./retention-plan.ts";
import type { UploadFs } from "./upload-fs.ts";

/** One destination of an upload. */
export interface UploadTarget {
  readonly destination: Destination;
  /** Decides what leaves and under which labels. */
  readonly project: Projection;
  /**
   * Names `project`: another text for each that gives other names or labels. Totals that were stored
   * under another one are not gone on with, since they hold names and labels that may no longer leave.
   * Default: the empty text, for a projection that stays the same.
   */
  readonly projectionId?: string;
  /** Age from which the receiver takes no sample, in milliseconds. Default: no bound is known. */
  readonly maxAgeMs?: number;
  /**
   * What becomes of samples older than `maxAgeMs`. `skip` (default): they are counted as refused.
   * `collapse`: counters and histograms show them in their first sample inside the bound.
   */
  readonly onTooOld?: "skip" | "collapse";
  /** Average rate that is not exceeded. Default: none. */
  readonly samplesPerSecond?: number;
}

export interface UploadOptions extends FrameChoice {
  readonly journal: Journal;
  readonly targets: readonly UploadTarget[];
  /** Destinations that are configured and not part of this upload; days that they lack are not deleted. */
  readonly otherDestinations?: readonly Omit<UploadTarget, "maxAgeMs" | "onTooOld" | "samplesPerSecond">[];
  /** Which frames may leave. Default: all. */
  readonly mayLeave?: MayLeave;
  /** Sends frames younger than ten seconds too. Default false. */
  readonly sendNow?: boolean;
  /** Makes the same requests and sends, writes and locks nothing. Default false. */
  readonly dryRun?: boolean;
  /** Deletes closed days; an empty object those that are settled. Default: none are deleted. */
  readonly cleanup?: UploadCleanup;
  /** Longest time without progress before a destination is given up, in milliseconds. Default 120 000. */
  readonly timeoutMs?: number;
  /** How long to wait for another upload to end, in milliseconds. Default 0. */
  readonly waitMs?: number;
  /** Ends the upload; what is under way is left so that the next upload goes on from there. */
  readonly signal?: AbortSignal;
  /** Called after each request that was answered. */
  readonly onProgress?: (progress: UploadProgress) => void;
  /** Called in a dry run for each request that would be made. */
  readonly onRequest?: (request: PlannedRequest) => void;
  readonly fs?: UploadFs;
  /** Current time. Default `Date.now`. */
  readonly now?: () => EpochMs;
  /** Waits. Default: a timer. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Jitter source in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
  readonly processes?: ProcessTable;
}

export interface UploadProgress {
  readonly destination: string;
  /** Samples accepted so far in this upload. */
  readonly accepted: number;
  /** Frames that went into requests so far, and all that are due. A destination that keeps no history has neither. */
  readonly frames?: { readonly done: number; readonly total: number };
}
