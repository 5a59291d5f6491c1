import { CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import type { Context, GlobalOptions } from "./context.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { buildProgram } from "./program.ts";

/**
 * One run of the command line.
 *
 * @param argv Without the program's own name.
 * @returns The exit code; errors are told, not thrown.
 */
export async function run(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const program = buildProgram(io, async (options, command) => {
    const context = await contextOf(io, options);
    try {
      exitCode = await command(context);
    } catch (error) {
      // What fails while stopping fails because of it.
      exitCode = await report(context, io.signal.aborted ? io.signal.reason : error);
    }
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    return report(await contextOf(io, looseOptions(argv)), usageError(error, argv));
  }
  return exitCode;
}

/** Loads what commands need: help and version do without. */
async function contextOf(io: CliIo, options: GlobalOptions): Promise<Context> {
  return (await import("./context.ts")).createContext(io, options);
}

/** Loads what errors need: with the packages that they come from. */
async function report(context: Context, error: unknown): Promise<ExitCode> {
  return (await import("./report-error.ts")).reportFailure(context, error);
}

function usageError(error: CommanderError, argv: readonly string[]): CliError {
  const command = argv.find((word) => /^[a-z]/.test(word));
  const isUnknown = error.code === "commander.unknownCommand" && error.message.includes(`'${command}'`);
  const help = isUnknown || !command ? "" : ` ${command}`;
  if (error.code === "commander.help") {
    const hint = `\`promferry${help} --help\` lists them; \`promferry demo\` shows one`;
    return new CliError(EXIT.usage, "a command is missing", { hint });
  }
  const [what, ...rest] = error.message.replace(/^error: /, "").split("\n");
  const hint = [...rest, `see \`promferry${help} --help\``].join("\n");
  return new CliError(EXIT.usage, what ?? "the command line is wrong", { hint });
}

/** Errors of the command line itself come before its options are known. */
function looseOptions(argv: readonly string[]): GlobalOptions {
  return { json: argv.includes("--json") };
}
