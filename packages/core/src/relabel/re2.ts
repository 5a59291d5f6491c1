/**
 * Go's regular expressions (RE2) as JavaScript's. What both know means the same in both; what only
 * JavaScript knows (look-around, back references) is refused, as Prometheus does; what only RE2 knows is
 * translated where it is common, and refused by name where it is not.
 *
 * @see https://github.com/google/re2/wiki/Syntax
 */

const POSIX: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

/** Go's `\s` is ASCII only and leaves the vertical tab out. */
const SPACE = "\\t\\n\\f\\r ";

/**
 * An expression that must match the whole text, as in Prometheus 3: anchored, and with `.` matching a
 * line feed. The answer is a sentence where it can't be had.
 */
export function compileRe2(source: string): RegExp | string {
  const flags = /^\(\?([is]+)\)/.exec(source);
  const body = flags ? source.slice(flags[0].length) : source;
  try {
    return new RegExp(`^(?:${translate(body)})$`, flags?.[1]?.includes("i") ? "isu" : "su");
  } catch (error) {
    const [, detail] = /: ([^:]*)$/.exec((error as Error).message) ?? [];
    return detail ? detail.charAt(0).toLowerCase() + detail.slice(1) : "not a regular expression";
  }
}

function translate(source: string): string {
  let translated = "";
  for (let at = 0; at < source.length; ) {
    const [length, piece] = token(source, at);
    translated += piece;
    at += length;
  }
  return translated;
}

type Token = readonly [length: number, piece: string];

function token(source: string, at: number): Token {
  const rest = source.slice(at, at + 80);
  switch (rest[0]) {
    case "\\":
      return escapeSequence(source, at, false);
    case "[":
      return bracket(source, at);
    case "(":
      return group(rest);
    case "{":
      return /^\{\d+(?:,\d*)?\}/.test(rest) ? [1, "{"] : [1, "\\{"];
    case "}":
      return /\{\d+(?:,\d*)?$/.test(source.slice(Math.max(0, at - 12), at)) ? [1, "}"] : [1, "\\}"];
    case "]":
      return [1, "\\]"];
    default:
      return [1, rest[0]!];
  }
}

function group(rest: string): Token {
  if (rest.startsWith("(?P<")) return [4, "(?<"];
  if (rest[1] !== "?" || rest.startsWith("(?:") || /^\(\?<[^=!]/.test(rest)) return [1, "("];
  if (/^\(\?<?[=!]/.test(rest)) throw new SyntaxError("regex: look-around is not known to Prometheus");
  throw new SyntaxError(`regex: ${rest.slice(0, 4)} is taken only as (?i) or (?s) at the very beginning`);
}

function bracket(source: string, at: number): Token {
  let end = at + 1;
  let piece = "[";
  if (source[end] === "^") {
    piece += "^";
    end++;
  }
  for (let first = true; end < source.length; first = false) {
    const char = source[end]!;
    if (char === "]" && !first) return [end + 1 - at, `${piece}]`];
    const posix = /^\[:(\^?)(\w+):\]/.exec(source.slice(end, end + 14));
    if (posix) {
      const set = posix[1] === "" ? POSIX[posix[2]!] : undefined;
      if (set === undefined) throw new SyntaxError(`regex: ${posix[0]} is not taken here`);
      piece += set;
      end += posix[0].length;
    } else if (char === "\\") {
      const [length, escaped] = escapeSequence(source, end, true);
      piece += escaped;
      end += length;
    } else {
      piece += "[]".includes(char) ? `\\${char}` : char;
      end++;
    }
  }
  throw new SyntaxError("regex: missing ]");
}

function escapeSequence(source: string, at: number, inBracket: boolean): Token {
  const char = source[at + 1];
  if (char === undefined) throw new SyntaxError("regex: trailing backslash");
  const rest = source.slice(at, at + 20);
  const hex = /^\\x\{([0-9a-fA-F]+)\}/.exec(rest);
  if (hex) return [hex[0].length, `\\u{${hex[1]}}`];
  const shortProperty = /^\\([pP])([A-Z])/.exec(rest);
  if (shortProperty) return [3, `\\${shortProperty[1]}{${shortProperty[2]}}`];
  if (char === "Q") {
    const end = source.indexOf("\\E", at);
    const literal = source.slice(at + 2, end < 0 ? undefined : end);
    return [end < 0 ? source.length - at : end + 2 - at, literal.replace(/[\\^$.*+?()[\]{}|/-]/g, quoteChar)];
  }
  if (char === "s") return [2, inBracket ? SPACE : `[${SPACE}]`];
  if (char === "S" && !inBracket) return [2, `[^${SPACE}]`];
  if (char === "A") return [2, "^"];
  if (char === "z") return [2, "$"];
  if (char === "a") return [2, "\\x07"];
  if (/[1-9]/.test(char)) throw new SyntaxError("regex: back references are not known to Prometheus");
  if (/[A-Za-z0]/.test(char)) return [2, `\\${char}`];
  return [2, quoteChar(char)];
}

/** A character that means itself, in a bracket or out of it. */
function quoteChar(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char)
    ? `\\${char}`
    : /[-!"#%&',:;<=>@_`~]/.test(char)
      ? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`
      : char;
}
