import {
  type Distribution,
  lintUserData,
  type Provider,
  UserDataError,
} from "@promferry/target-registry/cloud-init";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readInput } from "../read-input.ts";

interface LintOptions {
  readonly os?: Distribution;
  readonly provider?: Provider;
}

/** What will not work in user data, one a line as `line:column: code: message`; exit 1 when there is any. */
export async function targetsLint(
  { io, out }: Context,
  { os, provider }: LintOptions,
  [file = "-"]: readonly string[],
): Promise<ExitCode> {
  const data = await readInput(io, file);
  try {
    const findings = lintUserData(data, { ...(os && { os }), ...(provider && { provider }) });
    for (const { line, column, code, message } of findings)
      out.line(`${line}:${column}: ${code}: ${message}`);
    out.json({ ok: findings.length === 0, findings });
    return findings.length > 0 ? EXIT.findings : EXIT.ok;
  } catch (error) {
    if (!(error instanceof UserDataError)) throw error;
    throw new CliError(EXIT.usage, error.message, { cause: error });
  }
}
