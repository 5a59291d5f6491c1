export type StoreErrorCode =
  | "ERR_STORE_UNAVAILABLE" // no connection, or it timed out: try again later
  | "ERR_STORE_FROZEN" // an export runs: writes are refused, reads go on
  | "ERR_STORE_FENCED" // the caller no longer leads: drop what it was doing
  | "ERR_STORE_NOT_EMPTY" // import into a store that holds something
  | "ERR_STORE_DAMAGED" // what was read is not what a store writes
  | "ERR_STORE_CLOSED"; // used after close()

/** Why a store did not do what it was asked. What a caller may do wrong is a refusal in the answer, not an error. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, details: { cause?: unknown } = {}) {
    super(message, details);
    this.code = code;
  }

  /** Whether the same call later can succeed. */
  get retryable(): boolean {
    return this.code === "ERR_STORE_UNAVAILABLE" || this.code === "ERR_STORE_FROZEN";
  }
}
