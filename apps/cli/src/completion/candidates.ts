import type { Command, Option } from "commander";

/** One word that may stand where the cursor is. */
export interface Candidate {
  readonly word: string;
  /** For shells that show one; a single line. */
  readonly description: string;
}

/** What may stand at the cursor. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** What the shell is to offer besides, by its own means. */
  readonly paths: "files" | "folders" | "none";
  /** The word is the name of a destination, which the configuration knows. */
  readonly destinations: boolean;
}

const NOTHING: Completion = { candidates: [], paths: "none", destinations: false };

/**
 * What may stand in place of the last of `words`.
 *
 * @param program The whole command line.
 * @param words What was typed after the program's name; the last one is being typed and may be empty.
 */
export function completeWords(program: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  let command = program;
  let argument = 0;
  let pending: Option | undefined;
  let onlyArguments = false;
  for (const word of words.slice(0, -1)) {
    if (pending) pending = undefined;
    else if (onlyArguments) argument++;
    else if (word === "--") onlyArguments = true;
    else if (word.startsWith("-")) pending = word.includes("=") ? undefined : takesValue(command, word);
    else {
      const next = argument === 0 ? subcommand(command, word) : undefined;
      if (next) command = next;
      else argument++;
    }
  }
  if (pending) return ofValue(pending, typed, "");
  const [name, value] = splitAt(typed, "=");
  if (!onlyArguments && name.startsWith("-") && value !== undefined) {
    const option = takesValue(command, name);
    return option ? ofValue(option, value, `${name}=`) : NOTHING;
  }
  if (!onlyArguments && typed.startsWith("-")) {
    return { ...NOTHING, candidates: starting(typed, optionsOf(command).map(describeOption)) };
  }
  const commands = argument === 0 && !onlyArguments ? visibleCommands(command) : [];
  if (commands.length > 0) return { ...NOTHING, candidates: starting(typed, commands) };
  return ofArgument(command, argument, typed);
}

function subcommand(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word);
}

/** Options of the command and of those it belongs to. */
function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent ? [...own, ...optionsOf(command.parent).filter(({ long }) => !isEnd(long))] : own;
}

/** Help and version end a command line: they are offered at their own level alone. */
function isEnd(long: string | undefined): boolean {
  return long === "--help" || long === "--version";
}

function takesValue(command: Command, word: string): Option | undefined {
  const option = optionsOf(command).find(({ short, long }) => word === short || word === long);
  return option?.required || option?.optional ? option : undefined;
}

function describeOption({ long, short, description }: Option): Candidate {
  return { word: long ?? short ?? "", description };
}

function visibleCommands(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== "help")
    .map((each) => ({ word: each.name(), description: each.description() }));
}

function ofValue(option: Option, typed: string, prefix: string): Completion {
  const placeholder = /<([^>]+)>/.exec(option.flags)?.[1];
  const candidates = starting(typed, (option.argChoices ?? []).map(plain)).map(({ word, description }) => ({
    word: `${prefix}${word}`,
    description,
  }));
  // Behind `--name=` the shell would put the whole word in place of the path.
  const paths = prefix === "" ? pathsOf(placeholder) : "none";
  return { candidates, paths, destinations: option.long === "--to" && prefix === "" };
}

function ofArgument(command: Command, index: number, typed: string): Completion {
  const { registeredArguments: declared } = command;
  const argument = declared[index] ?? (declared.at(-1)?.variadic ? declared.at(-1) : undefined);
  if (!argument) return NOTHING;
  const candidates = starting(typed, (argument.argChoices ?? []).map(plain));
  return { ...NOTHING, candidates, paths: pathsOf(argument.name()) };
}

function pathsOf(placeholder: string | undefined): Completion["paths"] {
  if (placeholder === "file") return "files";
  return placeholder === "folder" ? "folders" : "none";
}

function plain(word: string): Candidate {
  return { word, description: "" };
}

function starting(typed: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ word }) => word.startsWith(typed));
}

function splitAt(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
