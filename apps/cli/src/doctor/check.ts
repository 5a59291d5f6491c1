import type { ExitCode } from "../exit-codes.ts";

/** What one look found. */
export interface Check {
  /** `configuration`, `journal`, `clock`, … or a destination's name. */
  readonly subject: string;
  /** What was looked at, in a few words. */
  readonly name: string;
  readonly state: "ok" | "warning" | "failed" | "unknown";
  readonly detail: string;
  /** What to change, and on which side. Absent where nothing is to be done. */
  readonly advice?: string;
  /** What the command ends with because of it; only where the state is `failed`. */
  readonly exitCode?: ExitCode;
}

/** Makes checks of one subject. */
export interface Checker {
  ok(name: string, detail: string): Check;
  warning(name: string, detail: string, advice: string): Check;
  failed(name: string, detail: string, advice: string, exitCode: ExitCode): Check;
  /** Nobody can say: the protocol does not tell, or something before it failed. */
  unknown(name: string, detail: string, advice?: string): Check;
}

export function checker(subject: string): Checker {
  return {
    ok: (name, detail) => ({ subject, name, state: "ok", detail }),
    warning: (name, detail, advice) => ({ subject, name, state: "warning", detail, advice }),
    failed: (name, detail, advice, exitCode) => ({
      subject,
      name,
      state: "failed",
      detail,
      advice,
      exitCode,
    }),
    unknown: (name, detail, advice) => ({
      subject,
      name,
      state: "unknown",
      detail,
      ...(advice ? { advice } : {}),
    }),
  };
}
