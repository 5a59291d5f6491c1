import type { Redactor } from "./credentials/redactor.ts";
import type { CliIo, TextSink } from "./io.ts";
import { tableLines } from "./table.ts";

/** What a command says, with secrets taken out: data to standard output, the rest to standard error. */
export interface Output {
  /** Whether `--json` was given: {@link Output.line} is silent then, and `json` speaks. */
  readonly isJson: boolean;
  /** One line for people on standard output. */
  line(text?: string): void;
  /** Rows under each other, no wider than the terminal. */
  table(rows: readonly (readonly string[])[]): void;
  /** The lines of such a table that stands so many characters to the right. */
  tableLines(rows: readonly (readonly string[])[], indent: number): string[];
  /** The result for machines, as one line of JSON; only under `--json`. */
  json(value: unknown): void;
  /** Data as it is, in both modes; resolves when more can be taken. */
  data(text: string): Promise<void>;
  /** A message for people on standard error; not under `--quiet`. */
  note(text: string): void;
  /** What went wrong, on standard error: in every mode. */
  error(text: string): void;
  /** What the program is doing, on standard error: only under `--verbose`. */
  detail(text: string): void;
  /** Whether {@link Output.detail} says anything. */
  readonly isVerbose: boolean;
  /** Replaces the line of progress; nothing without a terminal or under `--json`. */
  progress(text: string): void;
  readonly style: Style;
}

/** Emphasis where standard output is a terminal that shows it. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
}

/** How much is said, and how. Default: results and messages, in colour where a terminal shows it. */
export interface OutputOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  /** `false`: never; else where standard output is a terminal and NO_COLOR is not set. */
  readonly color?: boolean | undefined;
}

export function createOutput(io: CliIo, redactor: Redactor, options: OutputOptions): Output {
  const { json: isJson = false, quiet = false, verbose = false, color = true } = options;
  let progressShown = false;
  const write = (sink: TextSink, text: string) => sink.write(redactor.redact(text));
  const clearProgress = () => {
    if (progressShown) io.stderr.write("\r\u001b[2K");
    progressShown = false;
  };
  const showsProgress = io.stderr.isTerminal && io.env["TERM"] !== "dumb" && !isJson && !quiet;
  const say = (text: string) => {
    clearProgress();
    write(io.stderr, `${text}\n`);
  };
  return {
    isJson,
    isVerbose: verbose,
    line(text = "") {
      clearProgress();
      if (!isJson) write(io.stdout, `${text}\n`);
    },
    table(rows) {
      for (const text of this.tableLines(rows, 0)) this.line(text);
    },
    tableLines(rows, indent) {
      const columns = io.stdout.isTerminal ? io.stdout.columns?.() : undefined;
      return tableLines(rows, columns === undefined ? undefined : columns - indent);
    },
    json(value) {
      clearProgress();
      if (isJson) write(io.stdout, `${JSON.stringify(value)}\n`);
    },
    async data(text) {
      clearProgress();
      if (!write(io.stdout, text)) await io.stdout.drained();
    },
    note(text) {
      if (!quiet) say(text);
    },
    error: say,
    detail(text) {
      if (verbose) say(text);
    },
    progress(text) {
      if (!showsProgress) return;
      io.stderr.write(`\r\u001b[2K${redactor.redact(text)}`);
      progressShown = text !== "";
    },
    style: createStyle(color && usesColor(io)),
  };
}

/** @see https://no-color.org */
function usesColor({ stdout, env }: CliIo): boolean {
  return stdout.isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

function createStyle(on: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    on ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    green: paint(32, 39),
    yellow: paint(33, 39),
    red: paint(31, 39),
  };
}
