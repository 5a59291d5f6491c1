import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Runner } from "./program.ts";

/** What does the work of a command that there will be. */
const INSTEAD: Readonly<Record<string, string>> = {
  compare: "compare what `promferry export --format jsonl --dir …` writes of the two",
  report: "`promferry status` sums up; `promferry export` feeds tools of your own",
  view: "`promferry status` sums up; `promferry export` writes every sample",
};

/** Asked for one of them, with whatever options, the program says so and what to use for now: exit 2. */
export function addNotBuilt(program: Command, runner: Runner): void {
  for (const [name, instead] of Object.entries(INSTEAD)) {
    const [leaf = name, parent] = name.split(" ").reverse();
    const owner = program.commands.find((command) => command.name() === parent) ?? program;
    owner
      .command(leaf, { hidden: true })
      .description(`Not built yet. For now: ${instead}.`)
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action((_options, command: Command) =>
        runner(command.optsWithGlobals(), async () => {
          throw new CliError(EXIT.usage, `\`${name}\` is not built yet`, { hint: `for now: ${instead}` });
        }),
      );
  }
}
