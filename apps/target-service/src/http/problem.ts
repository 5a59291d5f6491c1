import type { Problem as DocumentProblem } from "@promferry/target-registry";
import type { Finding } from "@promferry/target-registry/cloud-init";
import { PROBLEMS, type ProblemCode } from "./problem-table.ts";

/** What one occurrence adds to its code. */
export interface ProblemDetails {
  readonly problems?: readonly DocumentProblem[];
  readonly findings?: readonly Finding[];
  /** Present revision, for `revision_mismatch` and `changes_reset`. */
  readonly rev?: number;
  /** Seconds; becomes the header Retry-After. */
  readonly retryAfter?: number;
}

/** An answer that is a problem document (RFC 9457). Thrown by routes and hooks. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  /** @param detail What this occurrence is about; no secret, and nothing of another project. */
  constructor(
    code: ProblemCode,
    detail: string,
    details: ProblemDetails & { readonly cause?: unknown } = {},
  ) {
    super(detail, "cause" in details ? { cause: details.cause } : {});
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The document itself; `request` is the id that stands in the log. */
export function problemDocument({ code, message, details }: ProblemError, request: string): object {
  const { status, title } = PROBLEMS[code];
  const { problems, findings, rev } = details;
  return {
    type: `urn:promferry:problem:${code}`,
    title,
    status,
    code,
    detail: message,
    request,
    ...(problems === undefined ? {} : { problems }),
    ...(findings === undefined ? {} : { findings }),
    ...(rev === undefined ? {} : { rev }),
  };
}
