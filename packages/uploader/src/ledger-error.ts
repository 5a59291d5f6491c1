export type LedgerErrorCode =
  | "ERR_LEDGER_CORRUPT" // not JSON, not of the ledger's form, or its checksum is wrong
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

/**
 * Another version's file: neither read nor replaced.
 *
 * @param known The versions that are, in words.
 */
export function unknownVersion(path: string, version: unknown, known: string): LedgerError {
  const found = JSON.stringify(version)?.slice(0, 40) ?? "missing";
  const advice = "use the program that wrote it, or a newer one";
  return new LedgerError(
    "ERR_LEDGER_VERSION",
    `${path}: its version is ${found} and this program knows ${known}; ${advice}`,
    path,
  );
}
