import { type Document, isMap, isNode, isScalar, isSeq, type LineCounter, type Node, visit } from "yaml";

export type ConfigPath = readonly PropertyKey[];

/** Finds lines and columns in a parsed file. */
export interface Positions {
  /** Of the value at `path`, or of the nearest ancestor that is there. */
  ofValue(path: ConfigPath): Position;
  /** Of the key that ends `path`; of its parent where it is absent. */
  ofKey(path: ConfigPath): Position;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

export function createPositions(document: Document, lines: LineCounter): Positions {
  const at = (node: unknown): Position | undefined => {
    const offset = isNode(node) ? node.range?.[0] : undefined;
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const ofValue = (path: ConfigPath): Position => {
    let node: unknown = document.contents;
    let found = at(node) ?? { line: 1, column: 1 };
    for (const key of path) {
      node = childOf(node, key);
      found = at(node) ?? found;
    }
    return found;
  };
  return {
    ofValue,
    ofKey(path) {
      const parent = path.slice(0, -1).reduce<unknown>(childOf, document.contents);
      const last = path[path.length - 1];
      if (isMap(parent)) {
        const pair = parent.items.find((item) => isScalar(item.key) && item.key.value === last);
        const position = at(pair?.key);
        if (position) return position;
      }
      return ofValue(path);
    },
  };
}

function childOf(node: unknown, key: PropertyKey): unknown {
  if (isMap(node)) return node.get(key, true);
  if (isSeq(node)) return node.get(Number(key), true);
  return undefined;
}

const TEXT_KEYS = new Set([
  ...["username", "password", "token", "tenant", "job_name", "name", "credentials"],
  ...["regex", "replacement", "separator"],
]);
const TEXT_MAPS = new Set(["external_labels", "grouping_keys", "headers", "labels"]);
/** Of lists of texts. */
const TEXT_LIST_MAPS = new Set(["params"]);

/**
 * Turns numbers that stand where a text is meant into the text as written: `username: 0123` and
 * `version: 1.10` keep their digits.
 */
export function keepNumbersAsText(document: Document): void {
  const keep = (value: unknown) => {
    if (isScalar(value) && typeof value.value === "number" && value.source !== undefined) {
      value.value = value.source;
    }
  };
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? String(pair.key.value) : "";
      if (TEXT_KEYS.has(key)) keep(pair.value);
      if (TEXT_MAPS.has(key) && isMap(pair.value))
        for (const item of pair.value.items) keep(item.value as Node);
      if (TEXT_LIST_MAPS.has(key) && isMap(pair.value)) {
        for (const { value } of pair.value.items) if (isSeq(value)) value.items.forEach(keep);
      }
    },
  });
}
