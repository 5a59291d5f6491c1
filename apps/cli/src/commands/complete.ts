import type { Command } from "commander";
import { completeWords } from "../completion/candidates.ts";
import type { Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";

/** Answers a shell, in the form that `completion/scripts.ts` describes. */
export async function complete(
  context: Context,
  program: Command,
  words: readonly string[],
): Promise<ExitCode> {
  const { candidates, paths, destinations } = completeWords(program, words);
  const names = destinations ? await destinationNames(context) : [];
  const typed = words.at(-1) ?? "";
  const lines = [
    ...candidates.map(({ word, description }) => `${word}\t${description}`),
    ...names.filter((name) => name.startsWith(typed)).map((name) => `${name}\tdestination`),
    `:${paths}`,
  ];
  await context.out.data(`${lines.join("\n")}\n`);
  return EXIT.ok;
}

/** None where the configuration is wrong: a shell that completes is not the place to tell. */
async function destinationNames({ settings }: Context): Promise<readonly string[]> {
  try {
    return (await settings()).metrics.destinations.map(({ name }) => name);
  } catch {
    return [];
  }
}
