import type { EncodedRequest, Refusal } from "@promferry/core/delivery";
import type { Withheld } from "@promferry/core/merge";
import type { FileStatus } from "./ledger.ts";

/**
 * Why a destination did not get everything.
 *
 * `unavailable`: no answer, or a server that fails. `overloaded`: the server asked to wait longer
 * than this upload may take. `credentials`: 401, 403, or no credential could be had. `configuration`:
 * 3xx or 404. `local`: the ledger or the journal could not be read or written. `privacy`: what was
 * found in the data must not leave, nor anything with it. `aborted`: the caller's signal. `internal`: a destination broke its contract.
 */
export type FailureKind =
  | "unavailable"
  | "overloaded"
  | "credentials"
  | "configuration"
  | "local"
  | "privacy"
  | "aborted"
  | "internal";

export interface UploadFailure {
  readonly kind: FailureKind;
  /** The error's code, where it has one. */
  readonly code: string | undefined;
  readonly message: string;
  /** What to do, where the error or one that caused it says so in a property `hint`. */
  readonly hint: string | undefined;
  /** Whether the receiver may hold samples that are not counted as accepted yet. */
  readonly inDoubt: boolean;
}

/** What one file's samples came to in this upload. */
export interface FileReport {
  readonly file: string;
  /** As the ledger has it now. */
  readonly status: FileStatus;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
}

export interface DestinationReport {
  readonly name: string;
  readonly keepsHistory: boolean;
  /** Samples that the receiver took. In a dry run: that would be sent. */
  readonly accepted: number;
  /** By reason; samples too old or too new for the destination are among them. */
  readonly refused: readonly Refusal[];
  /** Samples of which nobody can say whether the receiver has them. */
  readonly unknown: number;
  /** What the destination's protocol cannot carry, by reason; no failure. */
  readonly leftOut: readonly Refusal[];
  /** Samples that stay here, by reason: privacy, conflicting types, gauges that cannot be merged. */
  readonly withheld: readonly Withheld[];
  /** Frames that stay here for want of consent, by reason. */
  readonly withheldFrames: readonly { readonly reason: string; readonly frames: number }[];
  /** Samples that were sent again because their first answer was lost. */
  readonly resent: number;
  /** Frames that came after newer ones were sent: their counts show in later samples only. */
  readonly lateFrames: number;
  /** Frames younger than ten seconds, left for the next upload. */
  readonly waitingFrames: number;
  /** Frames that were never sent and that the dates leave out. */
  readonly unchosenFrames: number;
  /** Requests made; in a dry run those that would be made. */
  readonly requests: number;
  /** Bodies' bytes as sent; only a dry run knows them. */
  readonly bytes: number | undefined;
  readonly files: readonly FileReport[];
  /** What a person should know, a sentence each. */
  readonly notes: readonly string[];
  readonly failure: UploadFailure | undefined;
}

/**
 * Why a day was deleted. `settled`: every destination has it. `age`: older than days may get, settled
 * or not. `size`: the journal took too many bytes, and it was the oldest.
 */
export type DeletionCause = "settled" | "age" | "size";

/** Frames that were deleted before a destination had them, or that it was never sent by choice. */
export interface LostFrames {
  readonly destination: string;
  readonly frames: number;
}

export interface DeletedDay {
  readonly day: string;
  readonly cause: DeletionCause;
  /** Day files, and what went of `quarantine/` and `rejected/`. */
  readonly files: readonly string[];
  /** Nothing for a settled day. */
  readonly lost: readonly LostFrames[];
}

export interface KeptDay {
  readonly day: string;
  readonly reason: string;
}

/** What an upload should end with, as an exit code. */
export type UploadVerdict = 0 | 3 | 65 | 69 | 75 | 77 | 78;

export interface UploadReport {
  readonly dryRun: boolean;
  readonly destinations: readonly DestinationReport[];
  /** Days deleted after the upload. */
  readonly deleted: readonly DeletedDay[];
  /** Closed days that were asked to go and stay, with the reason. */
  readonly kept: readonly KeptDay[];
  /** Whether days were deleted whose history no destination keeps. */
  readonly historyDropped: boolean;
  /** Bytes above `maxBytes` that remain after deleting, since only days that are over go. */
  readonly bytesOver: number;
  /** Day files that were compressed after the upload, by their new names. */
  readonly compressed: readonly string[];
  /** Stretches of day files that hold no valid frame. */
  readonly damaged: number;
  /** Frames dated more than ten minutes ahead or before 2020; never sent. */
  readonly heldFrames: number;
  /** Day files that could not be read and were passed over: they are another user's, or on a day left out by choice. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
  /** Whether the caller's signal ended it. */
  readonly aborted: boolean;
  readonly verdict: UploadVerdict;
}

/** A request of a dry run. */
export interface PlannedRequest {
  readonly destination: string;
  readonly request: EncodedRequest;
  /** Samples of the batch that the request belongs to, without those that the destination keeps out. */
  readonly samples: number;
}

const CODES: Readonly<Record<FailureKind, UploadVerdict>> = {
  privacy: 65,
  configuration: 78,
  credentials: 77,
  internal: 69,
  unavailable: 69,
  overloaded: 75,
  local: 75,
  aborted: 75,
};
const GRAVEST_FIRST: readonly UploadVerdict[] = [78, 77, 69, 75];

/**
 * 65: the privacy gate stopped a destination. 0: everything due was accepted. 3: something was accepted, and something was not. Else nothing was
 * accepted, and the gravest failure counts: 78 configuration, 77 credentials, 69 unavailable, 75 try
 * later.
 */
export function verdictOf(destinations: readonly DestinationReport[]): UploadVerdict {
  const codes = destinations.flatMap(({ failure }) => (failure ? [CODES[failure.kind]] : []));
  const isWhole = destinations.every(
    ({ refused, unknown, failure }) => !failure && unknown === 0 && refused.length === 0,
  );
  if (isWhole) return 0;
  if (codes.includes(65)) return 65;
  const isSomeAccepted = destinations.some(({ accepted, failure }) => accepted > 0 || !failure);
  if (isSomeAccepted || codes.length === 0) return 3;
  return GRAVEST_FIRST.find((code) => codes.includes(code)) ?? 3;
}
