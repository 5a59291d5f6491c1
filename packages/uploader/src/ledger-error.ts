export type LedgerErrorCode =
  | "ERR_LEDGER_CORRUPT" // not JSON, or not of the form of v1
  | "ERR_LEDGER_VERSION" // written by another version
  | "ERR_LEDGER_UNREADABLE"
  | "ERR_LEDGER_FORBIDDEN" // the directory may not be written
  | "ERR_LEDGER_UNWRITABLE"; // disk full, input or output error

/** Why the ledger, or another file of the uploader's own, could not be read or written. Branch on `code`. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
  readonly code: LedgerErrorCode;
  readonly path: string;

  constructor(code: LedgerErrorCode, message: string, path: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
  }
}
