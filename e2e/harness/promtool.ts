import { serverProgram } from "../../tools/servers.mjs";
import { type ProgramOptions, type ProgramResult, startProgram } from "./cli.ts";

/** Runs promtool and waits for its end. */
export async function runPromtool(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return (await startProgram(serverProgram("promtool"), args, options)).done;
}
