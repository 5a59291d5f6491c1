/** What is wrong with a stretch of a day file. */
export type DamageReason =
  | "torn" // a frame without its end
  | "checksum" // the bytes do not match the CRC, or the sample count is another
  | "header" // the first line is no header
  | "trailer" // the last line is no trailer, or is another frame's
  | "session-info" // the second line is no session info
  | "stray" // bytes that belong to no frame
  | "too-large" // no end within MAX_FRAME_BYTES
  | "conflict"; // two valid frames of the same session and number that differ; the first one counts

/** A stretch of a day file that holds no valid frame. */
export interface Damage {
  /** File name inside the journal's directory. */
  readonly file: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly reason: DamageReason;
  /** As far as the damaged header can be believed. */
  readonly session?: string;
  readonly seq?: number;
  /** Whether the same frame stands valid elsewhere, as after a short write: then nothing is lost. */
  readonly recovered: boolean;
}

/** A frame that a later version wrote. It is not damage: nothing may remove it. */
export interface UnsupportedFrame {
  readonly file: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** What is not known here, as the header says it: `v=2`, `kind=delta`. */
  readonly unsupported: string;
}

/** The end of a file that is not yet, or never will be, a whole frame. */
export interface PendingTail {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}
