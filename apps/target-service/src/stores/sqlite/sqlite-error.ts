import { StoreError } from "@promferry/target-registry/store";

/** Primary result codes. @see https://www.sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT = 19;
/** READONLY, IOERR, FULL, CANTOPEN, PROTOCOL: the file can't be used now. */
const UNAVAILABLE: readonly number[] = [BUSY, LOCKED, 8, 10, 13, 14, 15];
/** CORRUPT, NOTADB. */
const DAMAGED: readonly number[] = [11, 26];

function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** Whether another process has the lock. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code === BUSY || code === LOCKED;
}

export function isConstraint(error: unknown): boolean {
  return codeOf(error) === CONSTRAINT;
}

/** What callers are told; anything that is not about the file comes through unchanged. */
export function storeErrorOf(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const message = `${file}: ${(error as Error).message}`;
  if (UNAVAILABLE.includes(code)) return new StoreError("ERR_STORE_UNAVAILABLE", message, { cause: error });
  if (DAMAGED.includes(code)) return new StoreError("ERR_STORE_DAMAGED", message, { cause: error });
  return error;
}
