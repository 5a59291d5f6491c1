import { DeliveryError, type DeliveryErrorCode } from "@promferry/core/delivery";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { StopSignal } from "./io.ts";

/** A failure as it is told. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

const DELIVERY: Readonly<Record<DeliveryErrorCode, { exitCode: ExitCode; hint: string }>> = {
  ERR_DELIVERY_UNREACHABLE: {
    exitCode: EXIT.unavailable,
    hint: "check the destination's url and the network; run the command again, it continues where it stopped",
  },
  ERR_DELIVERY_OVERLOADED: {
    exitCode: EXIT.tryLater,
    hint: "run the command again later; it continues where it stopped",
  },
  ERR_DELIVERY_UNAUTHORIZED: {
    exitCode: EXIT.credentials,
    hint: "check the destination's auth, and its tenant",
  },
  ERR_DELIVERY_MISCONFIGURED: { exitCode: EXIT.config, hint: "check the destination's url" },
  ERR_DELIVERY_WITHHELD: {
    exitCode: EXIT.privacy,
    hint: "`promferry privacy explain` shows what stays and why; metrics.scan says what is done about it",
  },
  ERR_DELIVERY_TOO_LARGE: { exitCode: EXIT.partial, hint: "the server takes only smaller requests" },
  ERR_DELIVERY_REJECTED: { exitCode: EXIT.partial, hint: "the server refuses this data for good" },
};

/** The exit code of a run that was stopped, from its signal's reason. */
export function stopCode(reason: unknown): ExitCode {
  return reason instanceof StopSignal && reason.signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}

/** What any error means to the user. A server's own error (5xx) is `unavailable`, 408 and 429 are `tryLater`. */
function toFailure(error: unknown): Failure {
  if (error instanceof CliError) {
    const { exitCode, message, hint } = error;
    return { exitCode, code: exitName(exitCode), message, hint };
  }
  if (error instanceof StopSignal) {
    return { exitCode: stopCode(error), code: error.signal, message: error.message, hint: undefined };
  }
  if (error instanceof DeliveryError) {
    if (error.cause instanceof CliError) return toFailure(error.cause);
    const { exitCode, hint } = DELIVERY[error.code];
    const serverFailed = error.code === "ERR_DELIVERY_OVERLOADED" && (error.status ?? 0) >= 500;
    const { code, message } = error;
    return { exitCode: serverFailed ? EXIT.unavailable : exitCode, code, message, hint };
  }
  if (error instanceof Error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code !== undefined && /^(E[A-Z]+|ERR_FS_FILE_TOO_LARGE)$/.test(code) && path !== undefined) {
      return { exitCode: EXIT.io, code, message: `${path}: ${systemReason(code)}`, hint: systemHint(code) };
    }
    if (code === "ERR_UPLOAD_BUSY") {
      const hint = "run it again when that upload has ended, or wait for it with --wait";
      return { exitCode: EXIT.tryLater, code, message: error.message, hint };
    }
    if (
      code === "ERR_JOURNAL_FORBIDDEN" ||
      code === "ERR_LEDGER_FORBIDDEN" ||
      (code === "ERR_IDENTITY_UNREADABLE" && !isFull(error.cause))
    ) {
      const hint = "give yourself access to the journal's folder, or name another one with --dir";
      return { exitCode: EXIT.config, code, message: error.message, hint };
    }
    if (code !== undefined && /^ERR_(JOURNAL|LEDGER|IDENTITY)_/.test(code)) {
      const hint = "check the journal's folder, or name another one with --dir; nothing else was changed";
      return { exitCode: EXIT.io, code, message: error.message, hint };
    }
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    exitCode: EXIT.internal,
    code: "internal",
    message: `a fault of promferry itself: ${message}`,
    hint: "run it again with PROMFERRY_DEBUG=1 to see where, and report it; your data is as it was",
  };
}

function isFull(cause: unknown): boolean {
  const { code = "" } = (cause ?? {}) as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

function exitName(exitCode: ExitCode): string {
  return Object.entries(EXIT).find(([, value]) => value === exitCode)?.[0] ?? "internal";
}

function systemReason(code: string): string {
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENOENT: "not there",
    EISDIR: "a folder, not a file",
    ERR_FS_FILE_TOO_LARGE: "larger than 2 GiB",
    ENOTDIR: "a part of the path is a file, not a folder",
    EEXIST: "a file stands where a folder is needed",
    ENOSPC: "the disk is full",
    EROFS: "the file system is read-only",
    EADDRINUSE: "the address is in use",
  };
  return `${reasons[code] ?? "the system refused it"} (${code})`;
}

function systemHint(code: string): string {
  if (code === "EACCES" || code === "EPERM") return "give yourself access to it, or name another path";
  if (code === "ENOSPC") return "make room and run it again";
  return "check the path";
}

/** Tells a failure on standard error, and as JSON on standard output under `--json`. */
export function reportFailure(context: Context, error: unknown): ExitCode {
  const failure = toFailure(error);
  const { exitCode, code, message, hint } = failure;
  context.out.error(`promferry: ${message}`);
  if (hint) for (const line of hint.split("\n")) context.out.error(`  ${line}`);
  if (context.io.env["PROMFERRY_DEBUG"] && error instanceof Error) context.out.error(String(error.stack));
  context.out.json({ error: { code, exitCode, message, ...(hint ? { hint } : {}) } });
  return exitCode;
}
