import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { JournalFs } from "@promferry/core/journal";
import type { TotalsCheckpoint } from "@promferry/core/merge";
import { countAt, JsonShapeError, objectAt, recordAt, stringAt } from "./json-value.ts";
import { unknownVersion } from "./ledger-error.ts";
import type { Cursor } from "./seqs.ts";
import { errorCode, readStateFile, replaceStateFile } from "./state-file.ts";

/** The checkpoints' file name inside the journal's directory. */
export const TOTALS_FILE = ".totals";

/** The totals of one destination after the frames of days that are gone. */
export interface TotalsRecord {
  /** As in the ledger: the totals of another destination are no use. */
  readonly identity: string;
  /** The projection that it was made with: under another one its series have other names and labels. */
  readonly projectionId: string;
  /** The frames that the checkpoint has. */
  readonly through: Cursor;
  readonly checkpoint: TotalsCheckpoint;
}

/** By destination. */
export type StoredTotals = ReadonlyMap<string, TotalsRecord>;

/** The stored totals of one directory, and their changes one after the other. */
export interface TotalsStore {
  readonly totals: StoredTotals;
  /** Whether the file was there and said nothing that can be believed. */
  readonly isDamaged: boolean;
  /** Resolves when all of it is on the disk. What was damaged lies in `.totals.damaged` then. */
  change(edit: (totals: StoredTotals) => StoredTotals): Promise<void>;
}

/** Before the totals of a file; a checksum (CRC-32) over what stands behind it, up to the last brace. */
const HEAD = /^\{"v":1,"crc32":"([0-9a-f]{8})","destinations":/;

/**
 * @param write Whether changes are written, or kept in memory for a dry run.
 * @throws {LedgerError} The file cannot be read, or is of a later version.
 */
export async function openTotals(dir: string, fs: JournalFs, write: boolean): Promise<TotalsStore> {
  const path = join(dir, TOTALS_FILE);
  const text = await readStateFile(fs, path);
  const found = text === undefined ? new Map<string, TotalsRecord>() : parseTotals(text, path);
  let totals: StoredTotals = found ?? new Map();
  let damaged = found === undefined;
  let last: Promise<void> = Promise.resolve();
  return {
    get totals() {
      return totals;
    },
    isDamaged: damaged,
    change(edit) {
      const done = last.then(async () => {
        const changed = edit(totals);
        if (write) {
          if (damaged) await putAside(fs, path);
          damaged = false;
          await replaceStateFile(fs, path, formatTotals(changed));
        }
        totals = changed;
      });
      last = done.catch(() => {});
      return done;
    },
  };
}

/** The totals as they are stored, with their checksum. */
export function formatTotals(totals: StoredTotals): string {
  const destinations = [...totals].map(([name, { identity, projectionId, through, checkpoint }]) => [
    name,
    { identity, projection: projectionId, through: Object.fromEntries(through), checkpoint },
  ]);
  const body = JSON.stringify(Object.fromEntries(destinations));
  return `{"v":1,"crc32":"${sumOf(body)}","destinations":${body}}\n`;
}

/**
 * @returns Undefined for what is damaged.
 * @throws {LedgerError} It is of a later version.
 */
function parseTotals(text: string, path: string): StoredTotals | undefined {
  try {
    const { v, destinations } = recordAt(JSON.parse(text), "totals", ["v", "crc32", "destinations"]);
    if (v !== 1) throw unknownVersion(path, v, "1");
    const head = HEAD.exec(text);
    if (head === null || sumOf(text.slice(head[0].length, text.lastIndexOf("}"))) !== head[1])
      return undefined;
    return new Map(
      Object.entries(objectAt(destinations, "destinations")).map(([name, value]) => {
        const at = `destinations.${name}`;
        const record = recordAt(value, at, ["identity", "projection", "through", "checkpoint"]);
        const through = Object.entries(objectAt(record["through"], `${at}.through`));
        return [
          name,
          {
            identity: stringAt(record["identity"], `${at}.identity`),
            projectionId: stringAt(record["projection"], `${at}.projection`),
            through: new Map(through.map(([id, seq]) => [id, countAt(seq, `${at}.through.${id}`)])),
            checkpoint: objectAt(record["checkpoint"], `${at}.checkpoint`) as unknown as TotalsCheckpoint,
          },
        ];
      }),
    );
  } catch (error) {
    if (error instanceof JsonShapeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function sumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

async function putAside(fs: JournalFs, path: string): Promise<void> {
  try {
    await fs.rename(path, `${path}.damaged`);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    // Its bytes are of use to nobody but a person.
  }
}

/** The stored totals to go on from: not those of another destination, or made with another projection. */
export function knownTotals(
  stored: TotalsRecord | undefined,
  { identity, projectionId }: Pick<TotalsRecord, "identity" | "projectionId">,
): TotalsRecord | undefined {
  return stored?.identity === identity && stored.projectionId === projectionId ? stored : undefined;
}
