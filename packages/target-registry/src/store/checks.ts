/** What every engine checks before it writes, so that all refuse the same. */
import { StoreError } from "./store-error.ts";
import type { StoreRecord } from "./target-store.ts";

/**
 * Refuses what some engine could not give back unchanged: NUL, lone surrogates, numbers that are not finite.
 *
 * @param value Plain data; keys are checked too.
 * @throws {TypeError} Naming the place.
 */
export function checkStorable(value: unknown, place = "value"): void {
  if (typeof value === "string") {
    if (value.includes("\0")) throw new TypeError(`${place}: expected text without NUL`);
    if (/[\uD800-\uDFFF]/u.test(value))
      throw new TypeError(`${place}: expected text without lone surrogates`);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${place}: expected a finite number, found ${value}`);
  } else if (Array.isArray(value)) {
    for (const [i, entry] of value.entries()) checkStorable(entry, `${place}[${i}]`);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, entry] of Object.entries(value)) {
      checkStorable(key, `a key of ${place}`);
      checkStorable(entry, `${place}.${key}`);
    }
  }
}

/** @throws {RangeError} When `limit` is not a whole number from 1 to `most`. */
export function checkLimit(limit: number, most: number, what: string): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw new RangeError(`${what}: expected a whole number from 1 to ${most}, found ${limit}`);
  }
}

/** @throws {RangeError} When a batch is longer than `most`. */
export function checkBatch(batch: readonly unknown[], most: number, what: string): void {
  if (batch.length > most) throw new RangeError(`${what}: expected at most ${most}, found ${batch.length}`);
}

/** Hands on the records of an export and seals them: the last one says how many came before it. */
export async function* sealedRecords(
  records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>,
): AsyncGenerator<StoreRecord, void, void> {
  let count = 0;
  for await (const record of records) {
    count += 1;
    yield record;
  }
  yield { kind: "end", records: count };
}

/**
 * Hands on the records of an export but for its end, and checks that they are whole: one header, first, and as many
 * records as the end says, which is last.
 *
 * @throws {StoreError} `ERR_STORE_DAMAGED`.
 */
export async function* checkedRecords(
  records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>,
): AsyncGenerator<StoreRecord, void, void> {
  let rev: number | undefined;
  let count = 0;
  let ended = false;
  for await (const record of records) {
    if (ended) throw damaged("nothing after its end");
    if (!isRecord(record)) throw damaged(`a record, found ${String(JSON.stringify(record)).slice(0, 80)}`);
    if (rev === undefined) {
      if (record.kind !== "header" || record.format !== 1) throw damaged("a header of format 1, first");
      rev = record.rev;
    } else if (record.kind === "header") {
      throw damaged("one header");
    } else if (record.kind === "instance" && !(record.instance.rev <= rev)) {
      throw damaged(`revisions up to ${rev}, found ${record.instance.rev}`);
    } else if (record.kind === "end") {
      if (record.records !== count) throw damaged(`${record.records} records, found ${count}`);
      ended = true;
      continue;
    }
    count += 1;
    try {
      checkStorable(record, record.kind);
    } catch (error) {
      throw new StoreError("ERR_STORE_DAMAGED", `import: ${(error as Error).message}`, { cause: error });
    }
    yield record;
  }
  if (rev === undefined) throw damaged("a header");
  if (!ended) throw damaged(`its end after ${count} records: the export was cut short`);
}

/** Where each kind of record has what it is about; null: in itself. */
const CONTENT: Readonly<Record<StoreRecord["kind"], string | null>> = {
  header: null,
  instance: "instance",
  token: "token",
  history: "entry",
  idempotency: "key",
  metric: "row",
  end: null,
};

/** A file may hold anything; of an instance lists and claims are made. */
function isRecord(record: unknown): boolean {
  if (!isObject(record)) return false;
  const { kind } = record;
  if (typeof kind !== "string" || !Object.hasOwn(CONTENT, kind)) return false;
  const place = CONTENT[kind as StoreRecord["kind"]];
  const content = place === null ? record : record[place];
  return isObject(content) && (kind !== "instance" || Array.isArray(content["endpoints"]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(expected: string): StoreError {
  return new StoreError("ERR_STORE_DAMAGED", `import: expected ${expected}`);
}
