/** Reads values out of parsed JSON and says, by path, what was expected where. */

/** What does not fit; the message starts with the path. */
export class JsonShapeError extends Error {
  override readonly name = "JsonShapeError";
}

export function objectAt(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "an object", value);
  return value as Readonly<Record<string, unknown>>;
}

/** The object, with no key but these. */
export function recordAt(
  value: unknown,
  path: string,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  const object = objectAt(value, path);
  for (const key of Object.keys(object)) {
    if (!keys.includes(key))
      fail(`${path}.${key}`, `no such key (known are ${keys.join(", ")})`, object[key]);
  }
  return object;
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) fail(path, "a list", value);
  return value as readonly unknown[];
}

export function stringAt(value: unknown, path: string): string {
  if (typeof value !== "string") fail(path, "a string", value);
  return value as string;
}

export function booleanAt(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") fail(path, "true or false", value);
  return value as boolean;
}

/** A whole number from 0 on, exact. */
export function countAt(value: unknown, path: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) fail(path, "a whole number from 0 on", value);
  return value as number;
}

/** One of the words. */
export function wordAt<T extends string>(value: unknown, path: string, words: readonly T[]): T {
  const word = words.find((each) => each === value);
  if (word === undefined) fail(path, words.map((each) => JSON.stringify(each)).join(" or "), value);
  return word as T;
}

export function fail(path: string, expected: string, found: unknown): never {
  const shown = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 60);
  throw new JsonShapeError(`${path}: expected ${expected}, found ${shown}`);
}
