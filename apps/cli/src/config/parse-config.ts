import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { checkConfig, checkDestination } from "./check-config.ts";
import { checkScrapeConfig } from "./check-scrape.ts";
import type { Finding } from "./finding.ts";
import { nearest } from "./nearest.ts";
import { type ConfigPath, createPositions, keepNumbersAsText, type Positions } from "./positions.ts";
import { formatPath, type Problem } from "./problem.ts";
import { type ConfigFile, configSchema, destinationSchema } from "./schema.ts";
import { scrapeConfigSchema } from "./scrape-schema.ts";

export interface ParsedConfig {
  /** Absent where there is at least one error. */
  readonly config: ConfigFile | undefined;
  /** The file as it stands, without defaults; absent where it is no YAML. */
  readonly raw?: unknown;
  /** All of them, in the file's order. */
  readonly problems: readonly Problem[];
  /** Where a path of the configuration stands, for problems that show later. */
  readonly positions: Positions;
}

/** Reads a configuration file's text and reports everything that is wrong with it, not only the first. */
export function parseConfig(source: string): ParsedConfig {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const positions = createPositions(document, lines);
  if (document.errors.length > 0) {
    const problems = document.errors.map((error): Problem => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { severity: "error", message: yamlMessage(error.message), line, column: col, path: "" };
    });
    // One slip often breaks several rules at one place; the first says it best.
    const isFirst = ({ line, column }: Problem, i: number) =>
      problems.findIndex((other) => other.line === line && other.column === column) === i;
    return { config: undefined, problems: problems.filter(isFirst), positions };
  }
  keepNumbersAsText(document);
  let raw: unknown;
  try {
    raw = toPlain(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    const message = `not valid YAML: ${(error as Error).message}`;
    return {
      config: undefined,
      problems: [{ severity: "error", message, line: 1, column: 1, path: "" }],
      positions,
    };
  }
  const parsed = configSchema.safeParse(raw);
  const findings = parsed.success
    ? checkConfig(parsed.data, raw)
    : [
        ...parsed.error.issues.flatMap((issue) => describeIssue(issue, raw)),
        ...checkReadableDestinations(raw),
        ...checkReadableScrapeConfigs(raw),
      ];
  const problems = findings
    .map((finding) => toProblem(finding, positions))
    .sort((a, b) => a.line - b.line || a.column - b.column);
  const hasErrors = problems.some((problem) => problem.severity === "error");
  return { config: parsed.success && !hasErrors ? parsed.data : undefined, raw, problems, positions };
}

/** An empty file and an empty `metrics:` mean the defaults. */
function toPlain(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  if (typeof value === "object" && "metrics" in value && value.metrics === null)
    return { ...value, metrics: {} };
  return value;
}

/** A broken entry must not hide what is wrong with the others. */
function checkReadableDestinations(raw: unknown): Finding[] {
  const entries = valueAt(raw, ["metrics", "destinations"]);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown, i) => {
    const parsed = destinationSchema.safeParse(entry);
    return parsed.success ? checkDestination(parsed.data, entry, ["metrics", "destinations", i]) : [];
  });
}

/** As {@link checkReadableDestinations}. */
function checkReadableScrapeConfigs(raw: unknown): Finding[] {
  const entries = valueAt(raw, ["scrape_configs"]);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown, i) => {
    const parsed = scrapeConfigSchema.safeParse(entry);
    return parsed.success ? checkScrapeConfig(parsed.data, ["scrape_configs", i]) : [];
  });
}

function describeIssue(issue: z.core.$ZodIssue, raw: unknown): Finding[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const guess = nearest(key, known);
      const hint = guess ? `did you mean ${JSON.stringify(guess)}?` : `known here: ${known.join(", ")}`;
      return { severity: "error", at: "key", path, message: `unknown key ${JSON.stringify(key)}; ${hint}` };
    });
  }
  if (issue.code === "invalid_key") {
    const message = issue.issues[0]?.message ?? issue.message;
    return [{ severity: "error", at: "key", path: issue.path, message }];
  }
  const { path } = issue;
  const value = valueAt(raw, path);
  if (value === undefined) {
    const key = String(path[path.length - 1]);
    return [{ severity: "error", at: "value", path: path.slice(0, -1), message: `${key} is missing` }];
  }
  const expected = issue.message.startsWith("Invalid") ? zodExpectation(issue) : issue.message;
  return [{ severity: "error", at: "value", path, message: `${expected}${received(path, value, issue)}` }];
}

function zodExpectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type")
    return `expected a ${issue.expected === "object" ? "mapping" : issue.expected}`;
  return issue.message;
}

/** What stood there instead, bounded, and never a secret. */
function received(path: ConfigPath, value: unknown, issue: z.core.$ZodIssue): string {
  if (path.some((key) => /password|token|username|headers|credentials/.test(String(key)))) return "";
  const got = `, got ${(JSON.stringify(value) ?? "nothing").slice(0, 60)}`;
  if (issue.code !== "invalid_value" || typeof value !== "string") return got;
  const guess = nearest(value, issue.values.map(String));
  return guess ? `${got}; did you mean ${JSON.stringify(guess)}?` : got;
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let found: unknown = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

/** The keys that the schema knows at `path`. */
function keysAt(path: ConfigPath): string[] {
  let schema: unknown = configSchema;
  for (const key of path)
    schema =
      typeof key === "number"
        ? unwrap(schema).element
        : (unwrap(schema).shape?.[key] ?? unwrap(schema).valueType);
  return Object.keys(unwrap(schema).shape ?? {});
}

interface SchemaShape {
  readonly shape?: Readonly<Record<PropertyKey, unknown>>;
  readonly element?: unknown;
  /** Of a mapping with keys of any name. */
  readonly valueType?: unknown;
}

function unwrap(schema: unknown): SchemaShape {
  let inner = schema as { unwrap?: () => unknown; shape?: unknown; element?: unknown } | undefined;
  while (inner?.unwrap && !inner.shape && !inner.element) inner = inner.unwrap() as typeof inner;
  return (inner ?? {}) as SchemaShape;
}

function toProblem(finding: Finding, positions: Positions): Problem {
  const { line, column } =
    finding.at === "key" ? positions.ofKey(finding.path) : positions.ofValue(finding.path);
  return {
    severity: finding.severity,
    message: finding.message,
    line,
    column,
    path: formatPath(finding.path),
  };
}

/** The parser's own words, without the position that it appends. */
function yamlMessage(message: string): string {
  return `not valid YAML: ${message.replace(/ at line \d+, column \d+:?.*$/s, "")}`;
}
