/** What is wrong with a document that came from outside: all of it, not the first thing. */

export interface Problem {
  /** JSON pointer (RFC 6901) into the document; `""` is the document itself. At most 200 characters. */
  readonly path: string;
  /** What was expected there, as a phrase: `a literal IP address`. */
  readonly expected: string;
  /** What came, as JSON, cut at 64 characters; `nothing` where it was absent, `not shown` where it may be a secret. */
  readonly found: string;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** More than this and a document is not worth further words. */
const PROBLEM_LIMIT = 50;

const EXCERPT_LIMIT = 64;
const PATH_LIMIT = 200;

/** Collects problems; at most 50. */
export interface ProblemList {
  readonly problems: readonly Problem[];
  add(path: string, expected: string, found: unknown): void;
  /** For values that may be secrets. */
  addHidden(path: string, expected: string): void;
}

export function createProblemList(): ProblemList {
  const problems: Problem[] = [];
  const push = (path: string, expected: string, found: string): void => {
    if (problems.length < PROBLEM_LIMIT) problems.push({ path: cut(path, PATH_LIMIT), expected, found });
  };
  return {
    problems,
    add: (path, expected, found) => push(path, expected, excerpt(found)),
    addHidden: (path, expected) => push(path, expected, "not shown"),
  };
}

/** A key as one step of a JSON pointer. */
export function pointerStep(key: string | number): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function excerpt(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return cut(JSON.stringify(value.slice(0, EXCERPT_LIMIT + 1)), EXCERPT_LIMIT);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return cut(String(value), EXCERPT_LIMIT);
}

/** Never cuts a surrogate pair in two. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
