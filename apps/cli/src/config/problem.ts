/** One finding about a configuration file. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** What is wrong, with what was expected. */
  readonly message: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The key's path, for example `metrics.destinations[0].url`; empty for the file itself. */
  readonly path: string;
}

/** A finding with its source line and a caret below it. */
export function formatProblem(problem: Problem, file: string, source: string): string {
  const line = maskSecrets(source.split(/\r?\n/, problem.line)[problem.line - 1] ?? "");
  const number = String(problem.line).padStart(4);
  const caret = `${" ".repeat(number.length)} | ${line.slice(0, problem.column - 1).replace(/[^\t]/g, " ")}^`;
  const severity = problem.severity === "warning" ? "warning: " : "";
  return `${file}:${problem.line}:${problem.column}: ${severity}${problem.message}\n${number} | ${line}\n${caret}`;
}

/** `["metrics", "destinations", 0, "url"]` as `metrics.destinations[0].url`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** A secret that stands in the file is not repeated on a terminal or in a log; a variable's name may be. */
function maskSecrets(line: string): string {
  const secret = /((?:password|token|credentials)["']?\s*:\s*)("[^"]*"|'[^']*'|[^\s,}"'][^,}]*)/g;
  return line.replace(secret, (whole, key: string, value: string) =>
    value.includes("${") ? whole : key + "*".repeat(value.length),
  );
}
