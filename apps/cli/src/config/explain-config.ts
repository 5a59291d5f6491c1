import { programName } from "../credentials/program-name.ts";
import type { ParsedConfig } from "./parse-config.ts";
import type { ConfigPath } from "./positions.ts";
import { formatPath } from "./problem.ts";
import { findVariables } from "./variables.ts";

/** One value that holds, and where it was said. */
export interface ExplainedValue {
  /** For example `metrics.destinations[0].url`. */
  readonly path: string;
  /** As the file spells it, bounded; what may be a secret is hidden. */
  readonly value: string;
  /** `default`, or the file's line. */
  readonly from: "default" | { readonly line: number };
  /** Variables of the environment in it, and whether they are set. Absent: none. */
  readonly variables?: Readonly<Record<string, "set" | "not set" | "built in">>;
}

/** The part of JSON Schema that the configuration's schema is written in. */
export interface KeySchema {
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly items?: KeySchema;
  readonly default?: unknown;
}

const MAX_CHARS = 120;
const SECRET_KEYS = /^(password|token|credentials|params)$/;

/**
 * Every value of the configuration that holds, in the schema's order: those of the file, and defaults of what it leaves out. Keys
 * without either are not listed.
 *
 * @param isBuiltIn Whether a variable is filled in by the program itself.
 */
export function explainConfig(
  { raw, positions }: ParsedConfig,
  schema: KeySchema,
  env: Readonly<Record<string, string | undefined>>,
  isBuiltIn: (name: string) => boolean,
): ExplainedValue[] {
  const rows: ExplainedValue[] = [];
  const add = (path: ConfigPath, value: unknown, isDefault: boolean) => {
    const text = spell(path, value);
    const names = isDefault || text === HIDDEN ? [] : findVariables(text).names;
    const state = (name: string) =>
      isBuiltIn(name) ? "built in" : env[name] === undefined ? "not set" : "set";
    rows.push({
      path: formatPath(path),
      value: text,
      from: isDefault ? "default" : { line: positions.ofValue(path).line },
      ...(names.length > 0
        ? { variables: Object.fromEntries(names.map((name) => [name, state(name)])) }
        : {}),
    });
  };
  const visit = (node: KeySchema, value: unknown, path: ConfigPath) => {
    if (node.properties && (path.length === 0 || isMapping(value) || isMapping(node.default))) {
      for (const [key, child] of Object.entries(node.properties)) {
        visit(child, isMapping(value) ? value[key] : undefined, [...path, key]);
      }
    } else if (node.items?.properties && Array.isArray(value) && value.length > 0) {
      for (const [i, item] of value.entries()) visit(node.items, item, [...path, i]);
    } else if (value !== undefined && value !== null) add(path, value, false);
    else if (node.default !== undefined && !isEmpty(node.default)) add(path, node.default, true);
  };
  visit(schema, raw, []);
  return rows;
}

const HIDDEN = "(hidden)";

/** A text that is one variable and nothing else says only where the secret is. */
const ONE_VARIABLE = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/;

function spell(path: ConfigPath, value: unknown): string {
  const key = String(path.at(-1));
  const parent = String(path.at(-2));
  if (key.endsWith("_cmd")) {
    const command = Array.isArray(value) ? value.map(String) : String(value).trim();
    const hasMore = Array.isArray(command) ? command.length > 1 : /\s/.test(command);
    return hasMore ? `${programName(command)} …` : programName(command);
  }
  const isSecret = SECRET_KEYS.test(key) || key === "headers" || parent === "headers";
  if (isSecret && !(typeof value === "string" && ONE_VARIABLE.test(value))) return HIDDEN;
  const text = typeof value === "string" ? withoutQuery(key, value) : JSON.stringify(value);
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text;
}

/** A query may hold a key. */
function withoutQuery(key: string, value: string): string {
  return key === "url" ? value.replace(/\?.*$/s, "?…") : value;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isMapping(value) && Object.keys(value).length === 0;
}
