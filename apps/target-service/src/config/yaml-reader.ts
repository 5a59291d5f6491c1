/** Reads a YAML file by a table of its keys, and notes everything that is wrong with line and column. */
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

/** Reads one node; undefined after a problem. */
export type Reader<T> = (node: unknown, note: Note) => T | undefined;
/** Notes a problem at a node. */
export type Note = (node: unknown, message: string) => void;

type Fields<S> = { readonly [K in keyof S]?: S[K] extends Reader<infer T> ? T : never };

export type YamlOutcome<T> =
  | { readonly ok: true; readonly value: T }
  /** Each `line:column: message`, in the order of the file. */
  | { readonly ok: false; readonly problems: readonly string[] };

export function readYaml<T>(text: string, reader: Reader<T>): YamlOutcome<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const found: { offset: number; message: string }[] = document.errors.map(({ pos, message }) => ({
    offset: pos[0],
    message: `not valid YAML: ${message}`,
  }));
  const note: Note = (node, message) => {
    found.push({ offset: (isNode(node) ? node.range?.[0] : undefined) ?? 0, message });
  };
  const value = found.length === 0 ? reader(document.contents, note) : undefined;
  if (found.length === 0 && value !== undefined) return { ok: true, value };
  const problems = found
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, message }) => {
      const { line, col } = lines.linePos(offset);
      return `${line}:${col}: ${message}`;
    });
  return { ok: false, problems };
}

/** A mapping with these keys and no other; an empty node stands for an empty mapping. */
export function mapping<S extends Readonly<Record<string, Reader<unknown>>>>(shape: S): Reader<Fields<S>> {
  return (node, note) => {
    if (node === null || (isScalar(node) && node.value === null)) return {};
    if (!isMap(node)) {
      note(node, "expected a mapping");
      return undefined;
    }
    const values: Record<string, unknown> = {};
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : "";
      const reader = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (reader === undefined) {
        note(
          key,
          `unknown key ${JSON.stringify(name.slice(0, 64))}; known here: ${Object.keys(shape).join(", ")}`,
        );
        continue;
      }
      const read = reader(value, note);
      if (read !== undefined) values[name] = read;
    }
    return values as Fields<S>;
  };
}

export function sequence<T>(item: Reader<T>): Reader<readonly T[]> {
  return (node, note) => {
    if (!isSeq(node)) {
      note(node, "expected a list");
      return undefined;
    }
    return node.items.map((entry) => item(entry, note)).filter((value) => value !== undefined);
  };
}

/** What `reader` reads, turned into something else, or into a message; not asked where a part of it was wrong. */
export function refine<T, U extends object>(reader: Reader<T>, turn: (value: T) => U | string): Reader<U> {
  return (node, note) => {
    let isWrong = false;
    const value = reader(node, (place, message) => {
      isWrong = true;
      note(place, message);
    });
    if (isWrong || value === undefined) return undefined;
    const turned = turn(value);
    if (typeof turned !== "string") return turned;
    note(node, turned);
    return undefined;
  };
}

/** One value, checked by `parse`, which gives undefined when it is not what was expected. */
export function scalar<T>(expected: string, parse: (value: unknown) => T | undefined): Reader<T> {
  return (node, note) => {
    const value = isScalar(node) ? parse(node.value) : undefined;
    if (value === undefined) note(node, `expected ${expected}`);
    return value;
  };
}

export function text(pattern: RegExp, expected: string): Reader<string> {
  return scalar(expected, (value) => (typeof value === "string" && pattern.test(value) ? value : undefined));
}

export const anyText: Reader<string> = text(/^[^\0]{1,4096}$/, "text");

export const flag: Reader<boolean> = scalar("true or false", (value) =>
  typeof value === "boolean" ? value : undefined,
);

export function whole(min: number, max: number): Reader<number> {
  return scalar(`a whole number from ${min} to ${max}`, (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max ? value : undefined,
  );
}

/** Milliseconds, from `30s`, `5m`, `12h`, `30d` or a bare number of seconds. */
export const duration: Reader<number> = scalar("a duration such as 30s, 5m, 12h, 30d", parseDuration);

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, more than 0; undefined when it is no duration. */
export function parseDuration(value: unknown): number | undefined {
  const [, digits, unit = "s"] = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(String(value)) ?? [];
  if (digits === undefined) return undefined;
  const ms = Number(digits) * UNITS[unit as keyof typeof UNITS];
  return ms > 0 && ms <= 366 * UNITS.d ? ms : undefined;
}
