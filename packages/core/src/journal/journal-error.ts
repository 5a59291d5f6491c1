export type JournalErrorCode =
  | "ERR_JOURNAL_NO_SPACE" // ENOSPC, EDQUOT: the disk or the quota is full
  | "ERR_JOURNAL_FORBIDDEN" // EACCES, EPERM, EROFS: the directory is not ours to write or read
  | "ERR_JOURNAL_IO" // EIO, EMFILE and the rest: the system could not
  | "ERR_JOURNAL_TOO_LARGE" // the frame is larger than MAX_FRAME_BYTES
  | "ERR_JOURNAL_CLOSED" // write after close
  | "ERR_JOURNAL_GONE" // the file of a frame reference is no longer there
  | "ERR_JOURNAL_DAMAGED" // the bytes of a frame reference no longer hold that frame
  | "ERR_JOURNAL_UNSUPPORTED"; // the frame is of a version or kind that this reader does not know

/** Why a frame was not written or not read. Branch on `code`. */
export class JournalError extends Error {
  override readonly name = "JournalError";
  readonly code: JournalErrorCode;
  /** The file or directory that the operation was about. */
  readonly path: string;

  constructor(code: JournalErrorCode, message: string, path: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
  }
}

/**
 * The JournalError for a failed system call.
 *
 * @param doing Completes "cannot …", for example `append to`.
 */
export function systemFailure(doing: string, path: string, cause: unknown): JournalError {
  if (cause instanceof JournalError) return cause;
  const number = errorNumber(cause);
  const detail = cause instanceof Error ? cause.message.slice(0, 200) : String(cause).slice(0, 200);
  if (number === "ENOSPC" || number === "EDQUOT") {
    const advice = "free some space; the next write tries again";
    return new JournalError(
      "ERR_JOURNAL_NO_SPACE",
      `cannot ${doing} ${path}: ${detail}; ${advice}`,
      path,
      cause,
    );
  }
  if (isForbidden(cause)) {
    const advice = "make the directory writable for this user, or choose another one";
    return new JournalError(
      "ERR_JOURNAL_FORBIDDEN",
      `cannot ${doing} ${path}: ${detail}; ${advice}`,
      path,
      cause,
    );
  }
  return new JournalError("ERR_JOURNAL_IO", `cannot ${doing} ${path}: ${detail}`, path, cause);
}

/** `ENOENT` and the like, or undefined where the failure came from elsewhere. */
export function errorNumber(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether the system refused for want of rights. */
export function isForbidden(error: unknown): boolean {
  const number = errorNumber(error);
  return number === "EACCES" || number === "EPERM" || number === "EROFS";
}
