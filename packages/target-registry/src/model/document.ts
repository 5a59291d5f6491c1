/** Reads fields of a document from outside and notes everything that is wrong with them. */
import { LIMITS } from "./policy.ts";
import { createProblemList, type Problem, pointerStep } from "./problem.ts";

/** An object of the document whose fields are asked for by name. */
export interface DocumentReader {
  readonly path: string;
  /** The own property of that name; undefined when absent. */
  field(name: string): unknown;
  /** Notes a problem with a field. */
  problem(name: string, expected: string, found?: unknown): void;
  /** Notes a problem with a value inside a field. */
  problemAt(steps: readonly (string | number)[], expected: string, found: unknown): void;
  /** Notes a problem without showing what came. */
  hidden(name: string, expected: string): void;
  /** An id of the allow-listed form; `""` after a problem. */
  id(name: string, fallback?: string): string;
  /** Elements of an array with `min` to `max` entries; none after a problem. */
  array(name: string, min: number, max: number): readonly unknown[];
  /** A nested object; its fields are all absent after a problem. */
  object(steps: readonly (string | number)[], value: unknown, known: readonly string[]): DocumentReader;
}

export interface OpenDocument {
  readonly reader: DocumentReader;
  /** In the order they were found; empty when all is well. */
  readonly problems: readonly Problem[];
}

const ID = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${LIMITS.id - 1}}$`);

/** Whether `text` has the form of an id of an instance, project, service, scope or boot. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** @param known Fields that may stand in it; any other is a problem. */
export function openDocument(input: unknown, known: readonly string[]): OpenDocument {
  const list = createProblemList();
  return { reader: readObject("", input, known), problems: list.problems };

  function readObject(path: string, input: unknown, fields: readonly string[]): DocumentReader {
    const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
    if (!isObject) list.add(path, "an object", input);
    const values: object = isObject ? input : {};
    for (const key of Object.keys(values)) {
      if (fields.includes(key)) continue;
      list.add(path + pointerStep(key), `no such field; known are ${fields.join(", ")}`, "something");
    }
    const field = (name: string): unknown =>
      Object.hasOwn(values, name) ? (values as Record<string, unknown>)[name] : undefined;
    // The object's own problem is said once, not again for each field that it lacks.
    const add = (name: string, expected: string, found: unknown): void => {
      if (isObject) list.add(path + pointerStep(name), expected, found);
    };
    return {
      path,
      field,
      problem: (name, expected, found = field(name)) => add(name, expected, found),
      problemAt: (steps, expected, found) =>
        list.add(path + steps.map(pointerStep).join(""), expected, found),
      hidden: (name, expected) => isObject && list.addHidden(path + pointerStep(name), expected),
      id(name, fallback) {
        const value = field(name) ?? fallback;
        if (typeof value === "string" && isId(value)) return value;
        add(
          name,
          `1 to ${LIMITS.id} of A-Z, a-z, 0-9, ".", "_", "-", beginning with a letter or digit`,
          value,
        );
        return "";
      },
      array(name, min, max) {
        const value = field(name);
        if (Array.isArray(value) && value.length >= min && value.length <= max) return value;
        add(name, `an array of ${min} to ${max}`, value);
        return [];
      },
      object: (steps, value, nested) => readObject(path + steps.map(pointerStep).join(""), value, nested),
    };
  }
}
