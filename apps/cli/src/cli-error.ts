import type { ExitCode } from "./exit-codes.ts";

/** A failure that is told to the user as it is: what failed, and what to do about it. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** What to do, in one or a few lines. */
  readonly hint: string | undefined;

  constructor(exitCode: ExitCode, message: string, details: { hint?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.exitCode = exitCode;
    this.hint = details.hint;
  }
}
