import { join } from "node:path";
import type { JournalFs } from "@promferry/core/journal";
import type { TotalsCheckpoint } from "@promferry/core/merge";
import { countAt, JsonShapeError, objectAt, recordAt, stringAt } from "./json-value.ts";
import { LedgerError, unknownVersion } from "./ledger-error.ts";
import type { Cursor } from "./seqs.ts";
import { readStateFile, replaceStateFile } from "./state-file.ts";

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

/**
 * @throws {LedgerError} The file cannot be read, is damaged, or is not of version 1. What the checkpoint itself
 *   holds is checked by `createTotals`.
 */
export async function readTotals(dir: string, fs: JournalFs): Promise<StoredTotals> {
  const path = join(dir, TOTALS_FILE);
  const text = await readStateFile(fs, path);
  if (text === undefined) return new Map();
  try {
    const { v, destinations } = recordAt(JSON.parse(text), "totals", ["v", "destinations"]);
    if (v !== 1) throw unknownVersion(path, v);
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
    if (!(error instanceof JsonShapeError || error instanceof SyntaxError)) throw error;
    throw new LedgerError(
      "ERR_LEDGER_CORRUPT",
      `${path}: ${error.message.slice(0, 200)}; it holds the totals of days that were deleted. Bring it back from a copy, or move it away: then counters start again from an explicit 0`,
      path,
      error,
    );
  }
}

/** @throws {LedgerError} It cannot be written. */
export async function writeTotals(dir: string, fs: JournalFs, totals: StoredTotals): Promise<void> {
  const destinations = [...totals].map(([name, { identity, projectionId, through, checkpoint }]) => [
    name,
    { identity, projection: projectionId, through: Object.fromEntries(through), checkpoint },
  ]);
  const text = JSON.stringify({ v: 1, destinations: Object.fromEntries(destinations) });
  await replaceStateFile(fs, join(dir, TOTALS_FILE), `${text}\n`);
}

/** The stored totals to go on from: not those of another destination, or made with another projection. */
export function knownTotals(
  stored: TotalsRecord | undefined,
  { identity, projectionId }: Pick<TotalsRecord, "identity" | "projectionId">,
): TotalsRecord | undefined {
  return stored?.identity === identity && stored.projectionId === projectionId ? stored : undefined;
}
