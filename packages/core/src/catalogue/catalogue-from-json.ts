import type { Catalogue } from "./catalogue.ts";
import { catalogueProblems } from "./validate.ts";

/** A catalogue's text is not a catalogue. `problems` has all that is wrong with it. */
export class CatalogueError extends Error {
  override readonly name = "CatalogueError";
  readonly code: "ERR_CATALOGUE_INVALID" | "ERR_CATALOGUE_VERSION";
  readonly problems: readonly string[];

  constructor(code: CatalogueError["code"], problems: readonly string[], options?: ErrorOptions) {
    super(`catalogue: ${problems.join("; ")}`, options);
    this.code = code;
    this.problems = problems;
  }
}

/**
 * Reads what `catalogueToJson` wrote, and believes nothing of it. Unknown keys are refused: a gate
 * that overlooked a rule would let too much through.
 *
 * @throws {CatalogueError} `ERR_CATALOGUE_VERSION` when its `v` is not 1, else `ERR_CATALOGUE_INVALID`.
 */
export function catalogueFromJson(text: string): Catalogue {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CatalogueError("ERR_CATALOGUE_INVALID", ["not JSON"], { cause });
  }
  if (isObject(value) && value["v"] !== 1 && value["v"] !== undefined) {
    const shown = JSON.stringify(value["v"]).slice(0, 20);
    throw new CatalogueError("ERR_CATALOGUE_VERSION", [`version ${shown}: expected 1; update this program`]);
  }
  const problems: string[] = [];
  catalogueShape(value, "catalogue", problems);
  if (problems.length === 0) problems.push(...catalogueProblems(value as Catalogue));
  if (problems.length > 0) throw new CatalogueError("ERR_CATALOGUE_INVALID", problems);
  return value as Catalogue;
}

type Shape = (value: unknown, at: string, problems: string[]) => void;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const is =
  (what: string, test: (value: unknown) => boolean): Shape =>
  (value, at, problems) => {
    if (!test(value)) problems.push(`${at}: expected ${what}`);
  };
const string = is("a string", (value) => typeof value === "string");
const number = is("a number", (value) => typeof value === "number");
const oneOf = (...values: readonly unknown[]): Shape =>
  is(`one of ${values.map((value) => JSON.stringify(value)).join(", ")}`, (value) => values.includes(value));

const list =
  (item: Shape): Shape =>
  (value, at, problems) => {
    if (!Array.isArray(value)) problems.push(`${at}: expected a list`);
    else for (const [i, inner] of value.entries()) item(inner, `${at}[${i}]`, problems);
  };

const record =
  (item: Shape): Shape =>
  (value, at, problems) => {
    if (!isObject(value)) problems.push(`${at}: expected an object`);
    else for (const [key, inner] of Object.entries(value)) item(inner, `${at}.${key}`, problems);
  };

const object =
  (required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape =>
  (value, at, problems) => {
    if (!isObject(value)) {
      problems.push(`${at}: expected an object`);
      return;
    }
    for (const key of Object.keys(required)) {
      if (!Object.hasOwn(value, key)) problems.push(`${at}.${key}: missing`);
    }
    for (const [key, inner] of Object.entries(value)) {
      const shape = Object.hasOwn(required, key)
        ? required[key]
        : Object.hasOwn(optional, key)
          ? optional[key]
          : undefined;
      if (shape) shape(inner, `${at}.${key}`, problems);
      else problems.push(`${at}.${key}: not known`);
    }
  };

const label: Shape = (value, at, problems) => {
  const kind = isObject(value) ? value["kind"] : undefined;
  if (kind === "closed") object({ kind: string, values: list(string) })(value, at, problems);
  else if (kind === "open") object({ kind: string, max: number })(value, at, problems);
  else if (kind === "pattern") {
    object({ kind: string, source: string, flags: string, max: number })(value, at, problems);
  } else problems.push(`${at}.kind: expected "closed", "open" or "pattern"`);
};

const metric = object(
  {
    name: string,
    type: oneOf("counter", "gauge", "histogram"),
    help: string,
    why: string,
    labels: record(label),
  },
  { buckets: list(number), across: object({}, { sessions: string, labels: string }) },
);

const catalogueShape = object({ v: oneOf(1), namespace: string, metrics: list(metric) });
