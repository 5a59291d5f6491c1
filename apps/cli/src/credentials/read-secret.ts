import { readFile } from "node:fs/promises";
import { CliError } from "../cli-error.ts";
import type { CommandLine } from "../config/schema.ts";
import { EXIT } from "../exit-codes.ts";
import { programName } from "./program-name.ts";
import type { Redactor } from "./redactor.ts";
import { type CommandResult, MAX_OUTPUT_BYTES, type RunCommandOptions, runCommand } from "./run-command.ts";

/** Where a secret comes from. */
export type SecretSource =
  | { readonly value: string }
  | { readonly file: string }
  | { readonly command: CommandLine };

export interface ReadSecretOptions extends RunCommandOptions {
  /** The setting, for messages: `password_cmd of destination grafana`. */
  readonly setting: string;
  readonly redactor: Redactor;
}

/**
 * The secret, without one trailing newline; hidden from output from here on.
 *
 * @throws {CliError} Exit 77; says which setting and which program or file, never what it printed.
 */
export async function readSecret(source: SecretSource, options: ReadSecretOptions): Promise<string> {
  const { setting, redactor } = options;
  const raw = await readRaw(source, options);
  const secret = raw.replace(/\r?\n$/, "");
  redactor.add(secret);
  const fail = (what: string, hint: string) =>
    new CliError(EXIT.credentials, `${setting}: ${what}`, { hint });
  if (secret === "")
    throw fail("the secret is empty", "check what it should hold, and that it prints to standard output");
  if (/[\r\n]/.test(secret)) {
    throw fail(
      "expected one line, got several",
      "let it give the secret alone, for example with `| head -n 1`",
    );
  }
  return secret;
}

async function readRaw(source: SecretSource, options: ReadSecretOptions): Promise<string> {
  if ("value" in source) return source.value;
  if ("file" in source) return readSecretFile(source.file, options.setting);
  return runSecretCommand(source.command, options);
}

async function readSecretFile(file: string, setting: string): Promise<string> {
  const fail = (what: string, cause?: unknown) =>
    new CliError(EXIT.credentials, `${setting}: ${what}`, {
      hint: `check that ${file} is there, that you may read it, and that it holds the secret alone`,
      cause,
    });
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw fail(`${file} can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`, error);
  }
  if (bytes.length > MAX_OUTPUT_BYTES) throw fail(`${file} is larger than 64 KiB`);
  return bytes.toString("utf8");
}

async function runSecretCommand(command: CommandLine, options: ReadSecretOptions): Promise<string> {
  const { setting, redactor, interactive, signal } = options;
  const name = programName(command);
  const fail = (what: string, hint: string, cause?: unknown) =>
    new CliError(EXIT.credentials, `${setting}: \`${name}\` ${what}`, { hint, cause });
  let result: CommandResult;
  try {
    result = await runCommand(command, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw fail(
      `could not be started (${code ?? "unknown error"})`,
      "check that the program is installed and on the PATH",
      error,
    );
  }
  const { stdout, stderr, end } = result;
  const printed = stdout.toString("utf8");
  if (end === "timeout") {
    const hint = interactive
      ? "unlock it beforehand, so that it answers without asking"
      : "it may wait for something; there was no terminal on which it could ask";
    throw fail(`did not end within ${(options.timeoutMs ?? 10_000) / 1000} s and was stopped`, hint);
  }
  if (end === "too-large")
    throw fail("printed more than 64 KiB and was stopped", "let it print the secret alone");
  if ("signal" in end) throw fail(`was ended by ${end.signal}`, "run it by hand to see why");
  if (end.code !== 0) {
    for (const line of printed.split("\n")) redactor.add(line);
    const said = redactor.redact(stderr.trim().split("\n").at(-1) ?? "").slice(0, 200);
    const asked = interactive ? "" : "; if it has to ask for something, unlock it first or run in a terminal";
    throw fail(
      `ended with status ${end.code}${said ? `: ${said}` : ""}`,
      `run it by hand to see why${asked}`,
    );
  }
  return printed;
}
