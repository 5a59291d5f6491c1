/** A word as the program would get it, and where it stands. */
export interface ShellWord {
  readonly text: string;
  readonly offset: number;
  /** The word begins with white space that only a backslash has kept: nearly always a folded line. */
  readonly escapedSpace: boolean;
}

export interface ShellCommand {
  readonly words: readonly ShellWord[];
  /** Its output goes into the next command. */
  readonly piped: boolean;
}

/**
 * Simple commands of a POSIX shell text, as far as a linter needs them: quotes, escapes, comments, operators, line
 * continuation, here-documents (whose text is skipped). Variables and substitutions stay as they are written.
 */
export function shellCommands(text: string): readonly ShellCommand[] {
  const commands: ShellCommand[] = [];
  let words: ShellWord[] = [];
  let word: { text: string; offset: number; escapedSpace: boolean } | undefined;
  let hereEnds: string[] = [];
  let at = 0;

  const open = () => (word ??= { text: "", offset: at, escapedSpace: false });
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (piped: boolean) => {
    endWord();
    if (words.length > 0) commands.push({ words, piped });
    words = [];
  };

  while (at < text.length) {
    const char = text[at]!;
    if (char === "\\") {
      const next = text[at + 1];
      if (next !== "\n") {
        const current = open();
        if (current.text === "" && (next === " " || next === "\t")) current.escapedSpace = true;
        current.text += next ?? "\\";
      }
      at += 2;
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      open().text += text.slice(at + 1, end === -1 ? undefined : end);
      at = end === -1 ? text.length : end + 1;
    } else if (char === '"') {
      const current = open();
      for (at++; at < text.length && text[at] !== '"'; at++) {
        if (text[at] === "\\" && at + 1 < text.length) at++;
        current.text += text[at];
      }
      at++;
    } else if (char === "#" && word === undefined) {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
    } else if (char === "\n") {
      endCommand(false);
      at = skipHereDocuments(text, at + 1, hereEnds);
      hereEnds = [];
    } else if (char === " " || char === "\t" || char === "\r") {
      endWord();
      at++;
    } else if (text.startsWith("<<", at) && !text.startsWith("<<<", at)) {
      const end = /^<<-?[ \t]*(['"]?)([A-Za-z0-9_.-]+)\1/.exec(text.slice(at, at + 80));
      if (end) hereEnds.push(end[2]!);
      endWord();
      at += end ? end[0].length : 2;
    } else if (char === "|" && text[at + 1] !== "|") {
      endCommand(true);
      at += text[at + 1] === "&" ? 2 : 1;
    } else if (char === ";" || char === "&" || char === "|" || char === "(" || char === ")") {
      // `$(` and `2>&1` belong to their word.
      if ((char === "(" && word?.text.endsWith("$")) || (char === "&" && word?.text.endsWith(">"))) {
        open().text += char;
      } else {
        endCommand(false);
      }
      at++;
    } else {
      open().text += char;
      at++;
    }
  }
  endCommand(false);
  return commands;
}

/** Offset after the here-documents that begin at `from`. */
function skipHereDocuments(text: string, from: number, ends: readonly string[]): number {
  let at = from;
  for (const end of ends) {
    while (at < text.length) {
      const stop = text.indexOf("\n", at);
      const line = text.slice(at, stop === -1 ? undefined : stop);
      at = stop === -1 ? text.length : stop + 1;
      if (line.replace(/^\t+/, "").trimEnd() === end) break;
    }
  }
  return at;
}
