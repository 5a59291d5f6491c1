import type { EventEmitter } from "node:events";
import type { Argument, Command, Option } from "commander";

const HEAD = `# The command line

Made of the program's own help by \`vitest run --project unit apps/cli/src/command-reference -u\`; not to be edited. What the commands do in full,
the exit codes and the configuration stand in [the CLI's README](../apps/cli/README.md).
`;

/** Every command that \`--help\` shows, with its arguments, options and examples, as one page of Markdown. */
export function commandReference(program: Command): string {
  const sections = [
    `## Options of every command\n\n${optionTable(ownOptions(program))}\n`,
    ...program.commands.flatMap((command) => describe(command, program.name())),
  ];
  return [HEAD, ...sections].join("\n");
}

function describe(command: Command, parent: string): string[] {
  if (!isVisible(command)) return [];
  const name = `${parent} ${command.name()}`;
  const options = ownOptions(command);
  const parts = [
    `## ${name}`,
    escapeMarkup(command.description()),
    ...(command.commands.some(isVisible) ? [] : [`\`${name} ${command.usage()}\``]),
    ...(command.registeredArguments.length > 0 ? [argumentTable(command.registeredArguments)] : []),
    ...(options.length > 0 ? [optionTable(options)] : []),
    ...examplesOf(command),
  ];
  return [`${parts.join("\n\n")}\n`, ...command.commands.flatMap((each) => describe(each, name))];
}

function isVisible(command: Command): boolean {
  return command.parent?.createHelp().visibleCommands(command.parent).includes(command) ?? true;
}

function ownOptions(command: Command): readonly Option[] {
  return command.options.filter(({ hidden }) => !hidden);
}

function argumentTable(list: readonly Argument[]): string {
  const rows = list.map(
    (argument) =>
      `| \`${argument.name()}${argument.variadic ? "…" : ""}\` | ${escapeMarkup(described(argument))} |`,
  );
  return ["| argument | |", "|---|---|", ...rows].join("\n");
}

function optionTable(list: readonly Option[]): string {
  const rows = list.map((option) => `| \`${option.flags}\` | ${escapeMarkup(described(option))} |`);
  return ["| option | |", "|---|---|", ...rows].join("\n");
}

interface Described {
  readonly description: string;
  readonly argChoices?: readonly string[];
  readonly defaultValue?: unknown;
  readonly defaultValueDescription?: string | undefined;
}

function described({ description, argChoices, defaultValue, defaultValueDescription }: Described): string {
  const isEmpty =
    defaultValue === undefined ||
    defaultValue === false ||
    (Array.isArray(defaultValue) && defaultValue.length === 0);
  const notes = [
    ...(argChoices ? [`one of ${argChoices.join(", ")}`] : []),
    ...(isEmpty || defaultValue === true
      ? []
      : [`default: ${defaultValueDescription ?? String(defaultValue)}`]),
  ];
  return notes.length > 0 ? `${description} (${notes.join("; ")})` : description;
}

/** What the help text ends with. */
function examplesOf(command: Command): string[] {
  let text = "";
  const write = (part: string) => {
    text += part;
  };
  // Commander's commands emit events; its types leave that out.
  (command as unknown as EventEmitter).emit("afterHelp", { error: false, command, write });
  const lines = text.split("\n").filter((line) => line.startsWith("  "));
  return lines.length > 0 ? [["```sh", ...lines.map((line) => line.trim()), "```"].join("\n")] : [];
}

/** For a cell of a table: outside of code, `<name>` would be taken for markup. */
function escapeMarkup(text: string): string {
  const parts = text.replaceAll("|", "\\|").split("`");
  return parts.map((part, i) => (i % 2 === 0 ? part.replaceAll("<", "&lt;") : part)).join("`");
}
