import { DeliveryError, type DeliveryErrorCode } from "@promferry/core/delivery";
import { JournalError } from "@promferry/core/journal";
import { DeliveryStopped } from "./attempt.ts";
import { LedgerError } from "./ledger-error.ts";
import { UploadBusyError } from "./lock.ts";
import type { FailureKind, UploadFailure } from "./report.ts";

const DELIVERY_KINDS: Readonly<Record<DeliveryErrorCode, FailureKind>> = {
  ERR_DELIVERY_UNREACHABLE: "unavailable",
  ERR_DELIVERY_OVERLOADED: "unavailable",
  ERR_DELIVERY_UNAUTHORIZED: "credentials",
  ERR_DELIVERY_MISCONFIGURED: "configuration",
  ERR_DELIVERY_TOO_LARGE: "internal",
  ERR_DELIVERY_WITHHELD: "privacy",
  ERR_DELIVERY_REJECTED: "internal",
};

/** What an error means for the report. */
export function failureOf(error: unknown, signal: AbortSignal | undefined): UploadFailure {
  const inDoubt = error instanceof DeliveryStopped && error.doubted;
  const cause = error instanceof DeliveryStopped ? error.cause : error;
  const kind = signal?.aborted ? "aborted" : kindOf(cause);
  const message = kind === "aborted" ? "stopped; the next upload goes on from there" : messageOf(cause);
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const hint = kind === "aborted" ? undefined : hintOf(cause);
  return { kind, code: typeof code === "string" ? code : undefined, message, hint, inDoubt };
}

/** The nearest `hint` on the way down the causes. */
export function hintOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ("hint" in each && typeof each.hint === "string") return each.hint;
  }
  return undefined;
}

function kindOf(cause: unknown): FailureKind {
  if (cause instanceof DeliveryError) return cause.status === 429 ? "overloaded" : DELIVERY_KINDS[cause.code];
  if (cause instanceof UploadBusyError) return "local";
  if (cause instanceof LedgerError) return cause.code === "ERR_LEDGER_FORBIDDEN" ? "configuration" : "local";
  if (cause instanceof JournalError)
    return cause.code === "ERR_JOURNAL_FORBIDDEN" ? "configuration" : "local";
  return "internal";
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
