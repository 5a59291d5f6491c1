/** A module that a source file names, and where. */
export interface ImportSpecifier {
  readonly specifier: string;
  /** 1 for the first line. */
  readonly line: number;
}

interface Token {
  readonly kind: "word" | "string" | "mark";
  readonly text: string;
  readonly line: number;
}

/** Words after which a slash begins a regular expression. */
const BEFORE_REGEXP = new Set(
  "return typeof case in of delete void throw new else do await yield instanceof".split(" "),
);

/**
 * Every module that a TypeScript or JavaScript source names: `import`, `export … from`, `import()`, types
 * included, `require()` and `import.meta.resolve()`, as far as the name is a plain string.
 */
export function importSpecifiers(source: string): readonly ImportSpecifier[] {
  const found: ImportSpecifier[] = [];
  const tokens = tokenize(source);
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== "string") continue;
    const before = tokens[i - 1];
    const word = before?.text === "(" ? tokens[i - 2] : before;
    const called = before?.text === "(";
    const names = called ? ["import", "require", "resolve"] : ["from", "import"];
    if (word?.kind === "word" && names.includes(word.text)) {
      found.push({ specifier: token.text, line: token.line });
    }
  }
  return found;
}

/** Words, strings and single marks; comments, templates and regular expressions leave none. */
function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each open template: how many braces of ours stand open inside its `${`. */
  const templates: number[] = [];
  const word = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*|\d[\w.]*/uy;
  let line = 1;
  let at = 0;

  const skipTo = (end: number): void => {
    for (; at < end && at < source.length; at++) if (source[at] === "\n") line++;
  };
  const skipTemplateText = (): void => {
    while (at < source.length && source[at] !== "`" && !source.startsWith("${", at)) {
      skipTo(at + (source[at] === "\\" ? 2 : 1));
    }
    if (source[at] === "$") templates.push(0);
    skipTo(at + (source[at] === "$" ? 2 : 1));
  };

  while (at < source.length) {
    const char = source[at] as string;
    if (source.startsWith("//", at)) skipTo(indexOrEnd(source, "\n", at));
    else if (source.startsWith("/*", at)) skipTo(indexOrEnd(source, "*/", at + 2) + 2);
    else if (/\s/.test(char)) skipTo(at + 1);
    else if (char === "`") {
      skipTo(at + 1);
      skipTemplateText();
    } else if (char === '"' || char === "'") {
      const end = closingQuote(source, at);
      tokens.push({ kind: "string", text: source.slice(at + 1, end), line });
      skipTo(end + 1);
    } else if (char === "/" && beginsRegExp(tokens.at(-1))) {
      skipTo(regExpEnd(source, at));
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      skipTo(at + 1);
      skipTemplateText();
    } else {
      word.lastIndex = at;
      const text = word.exec(source)?.[0];
      const depth = templates.length - 1;
      if (text === undefined && char === "{" && depth >= 0) templates[depth] = (templates[depth] ?? 0) + 1;
      if (text === undefined && char === "}" && depth >= 0) templates[depth] = (templates[depth] ?? 0) - 1;
      tokens.push({ kind: text === undefined ? "mark" : "word", text: text ?? char, line });
      skipTo(at + (text ?? char).length);
    }
  }
  return tokens;
}

function beginsRegExp(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_REGEXP.has(before.text);
  return before.kind === "mark" && !")]}".includes(before.text);
}

function closingQuote(source: string, open: number): number {
  const quote = source[open];
  let at = open + 1;
  while (at < source.length && source[at] !== quote && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
  return at;
}

function regExpEnd(source: string, open: number): number {
  let inClass = false;
  for (let at = open + 1; at < source.length; at++) {
    const char = source[at];
    if (char === "\\") at++;
    else if (char === "\n") return at;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
  }
  return source.length;
}

function indexOrEnd(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index === -1 ? source.length : index;
}
