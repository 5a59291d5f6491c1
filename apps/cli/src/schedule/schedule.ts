export const SCHEDULE_KINDS = ["systemd", "launchd", "cron", "task"] as const;
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** An upload that is to run again and again without its user. */
export interface ScheduledJob {
  /** Letters, digits, `-` and `_`: names files and entries, so that installing again replaces. */
  readonly name: string;
  /** The program's name, for descriptions. */
  readonly app: string;
  /** Program and arguments, with absolute paths. */
  readonly argv: readonly string[];
  readonly everyMs: number;
  /** The journal's folder. */
  readonly dir: string;
  /** Whether a command is run for credentials, which may need more than the journal. */
  readonly runsCommands: boolean;
  /** A file of `NAME=value` lines for the variables that the configuration names; undefined where it names none. */
  readonly environmentFile: string | undefined;
}

/** Where a user's own schedules are, and who they are. */
export interface ScheduleHome {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

/** A schedule as one service manager has it. */
export interface Schedule {
  readonly files: readonly ScheduleFile[];
  /** Commands, one after the other, that put it to work; those of `mayFail` may. */
  readonly activate: readonly { readonly argv: readonly string[]; readonly mayFail?: boolean }[];
  /** What its user types to be rid of it. */
  readonly remove: string;
  /** What its user should know. */
  readonly notes: readonly string[];
}

export interface ScheduleFile {
  readonly path: string;
  readonly content: string;
  /** Default `utf8`. */
  readonly encoding?: "utf8" | "utf16le";
}

/** A word of a shell's command line. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function xmlEscape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (character) => entities[character]!);
}
