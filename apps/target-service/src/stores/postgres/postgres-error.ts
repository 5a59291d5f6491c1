import { StoreError } from "@promferry/target-registry/store";

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION = ["40001", "40P01"];
const UNIQUE_VIOLATION = "23505";
const NO_SUCH_TEXT = "22021";
/** Syntax, data and constraints: a mistake of ours, which no waiting mends. */
const OURS = /^(?:22|23|42)/;

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** A transaction lost a race and was rolled back: it may run again. */
export function isSerializationFailure(error: unknown): boolean {
  return SERIALIZATION.includes(codeOf(error) ?? "");
}

export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === UNIQUE_VIOLATION;
}

/** The text that was asked for can't be in any table: it holds NUL. */
export function isUnstorableText(error: unknown): boolean {
  return codeOf(error) === NO_SUCH_TEXT;
}

/** What callers are told of an error of the driver or the server. */
export function storeErrorOf(error: unknown): unknown {
  if (error instanceof StoreError || OURS.test(codeOf(error) ?? "")) return error;
  const reason = messageOf(error);
  return new StoreError("ERR_STORE_UNAVAILABLE", `PostgreSQL: ${reason}; try again later`, { cause: error });
}

/** A host with several addresses fails with one error for each, and no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  return error instanceof Error ? error.message : String(error);
}
