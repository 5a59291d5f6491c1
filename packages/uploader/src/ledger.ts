import type { AdmittedValues } from "@promferry/core/merge";
import type { EpochMs } from "@promferry/core/series";
import type { Cursor, SeqRanges } from "./seqs.ts";

/**
 * What each destination has: the content of `<dir>/.uploaded`.
 *
 * Progress is kept per destination, by session and sequence number. What stands under a file's name
 * is a summary for people and for the question whether the file may go.
 */
export interface Ledger {
  /** By file name, then by destination. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, FileRecord>>;
  readonly destinations: ReadonlyMap<string, DestinationRecord>;
  /** Records of destinations whose identity has changed since; one that comes back goes on from here. */
  readonly former: readonly FormerRecord[];
}

/**
 * `success`: every frame that the file had was settled and nothing was refused or is unknown.
 * `partial`: some of it. `failed`: none of it.
 */
export type FileStatus = "success" | "partial" | "failed";

export interface FileRecord {
  /** RFC 3339, UTC: when the record was last changed. */
  readonly uploadedAt: string;
  readonly status: FileStatus;
  /** Samples accepted. */
  readonly metricsCount: number;
  readonly refused: number;
  readonly unknown: number;
  /** Frames whose samples were never sent, by choice of dates or because a request could not be rebuilt. */
  readonly passedOver: number;
}

export interface DestinationRecord {
  /** Digest of the destination's identity, `sha256:…`. */
  readonly identity: string;
  readonly cursor: Cursor;
  /** The newest accepted time; undefined before the first. */
  readonly newestMs: EpochMs | undefined;
  /** Samples, over all uploads. */
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Frames that were deleted before the destination had them, over all time. */
  readonly lostFrames: number;
  /** Frames that came late and whose growth is still to be shown; the cursor has passed them. */
  readonly late: SeqRanges;
  readonly next: NextRequest | undefined;
  /** Label values that its projection let through, to stay so; absent where it counts none. */
  readonly admitted?: AdmittedValues;
}

export interface FormerRecord extends DestinationRecord {
  readonly name: string;
}

/**
 * A request that was named before it was sent.
 *
 * Its samples are those that the totals give for `frames`, after the state of every frame up to the
 * cursor and of `passed`: from `from`, up to and without `to`, in their order.
 */
export interface NextRequest {
  /** One range for each session. */
  readonly frames: SeqRanges;
  /** Frames older than these that the user chose not to send. */
  readonly passed: SeqRanges;
  /** Whether accepted samples were being sent again: then time alone decided the order. */
  readonly forced: boolean;
  /** The newest accepted time when that upload began: late frames were taken in after it. */
  readonly baseMs: EpochMs | undefined;
  /** Instead of frames: what late frames are owed, as of this time. */
  readonly settleMs: EpochMs | undefined;
  /** Against which too old and too new samples were told. */
  readonly asOfMs: EpochMs;
  readonly from: number;
  readonly to: number;
  /** `sha256:…` over the samples. */
  readonly digest: string;
  /** Samples in a block, where the frames' samples stand in blocks of some series each; see `Window`. */
  readonly blockSamples: number | undefined;
  /** The newest instant of the samples before `from`; undefined where there is none. */
  readonly afterMs: EpochMs | undefined;
  /** The newest instant of the samples before `to`. */
  readonly newestMs: EpochMs;
  /** Whether the receiver may have it. False only where every answer so far said no. */
  readonly inDoubt: boolean;
  /** Samples up to here stood in a request whose answer was lost. */
  readonly doubtTo: number;
  /** Samples directly before `from` that the receiver failed on, not yet given up. */
  readonly suspects: number;
}

export const emptyLedger: Ledger = { files: new Map(), destinations: new Map(), former: [] };

function emptyRecord(identity: string): DestinationRecord {
  return {
    identity,
    cursor: new Map(),
    newestMs: undefined,
    accepted: 0,
    refused: 0,
    unknown: 0,
    lostFrames: 0,
    late: new Map(),
    next: undefined,
  };
}

/** The ledger with this destination's record. */
export function withRecord(ledger: Ledger, name: string, record: DestinationRecord): Ledger {
  return { ...ledger, destinations: new Map(ledger.destinations).set(name, record) };
}

/** The ledger with this file's record for one destination. */
export function withFile(ledger: Ledger, file: string, name: string, record: FileRecord): Ledger {
  const byName = new Map(ledger.files.get(file)).set(name, record);
  return { ...ledger, files: new Map(ledger.files).set(file, byName) };
}

/** The ledger with the summaries of one file under another name as well. */
export function withCopiedFile(ledger: Ledger, from: string, to: string): Ledger {
  const byName = ledger.files.get(from);
  return byName === undefined ? ledger : { ...ledger, files: new Map(ledger.files).set(to, byName) };
}

/** The ledger without the summaries of files that are gone. */
export function withoutFiles(ledger: Ledger, gone: ReadonlySet<string>): Ledger {
  return { ...ledger, files: new Map([...ledger.files].filter(([file]) => !gone.has(file))) };
}

/** The ledger without the progress of sessions of which no frame is left, and none will come under a known number. */
export function withoutSessions(ledger: Ledger, gone: ReadonlySet<string>): Ledger {
  if (gone.size === 0) return ledger;
  const keep = <T>(map: ReadonlyMap<string, T>) =>
    new Map([...map].filter(([session]) => !gone.has(session)));
  const destinations = [...ledger.destinations].map(([name, record]): [string, DestinationRecord] => [
    name,
    { ...record, cursor: keep(record.cursor), late: keep(record.late) },
  ]);
  return { ...ledger, destinations: new Map(destinations) };
}

/** The ledger with frames that were deleted before the destination had them. */
export function withLostFrames(
  ledger: Ledger,
  name: string,
  { identity, frames }: { readonly identity: string; readonly frames: number },
): Ledger {
  const record = ledger.destinations.get(name) ?? emptyRecord(identity);
  // The name's record is another destination's until this one is served.
  if (record.identity !== identity) return ledger;
  return withRecord(ledger, name, { ...record, lostFrames: record.lostFrames + frames });
}

/** The record to go on from, and whether the name stood for another destination before. */
export interface Claim {
  readonly ledger: Ledger;
  readonly record: DestinationRecord;
  readonly identityChanged: boolean;
}

/**
 * Finds the record of a destination. One of the same name and another identity is put aside, with
 * its file summaries; if that identity comes back, it goes on where it was.
 */
export function claimRecord(ledger: Ledger, name: string, identity: string): Claim {
  const current = ledger.destinations.get(name);
  if (current?.identity === identity) return { ledger, record: current, identityChanged: false };
  const isSame = (former: FormerRecord) => former.name === name && former.identity === identity;
  const { name: _, ...record } = ledger.former.find(isSame) ?? { ...emptyRecord(identity), name };
  const former = ledger.former.filter((each) => !isSame(each));
  if (current) former.push({ ...current, name });
  const files = new Map(ledger.files);
  if (current) {
    for (const [file, byName] of files) {
      files.set(file, new Map([...byName].filter(([each]) => each !== name)));
    }
  }
  return {
    ledger: withRecord({ ...ledger, files, former }, name, record),
    record,
    identityChanged: current !== undefined,
  };
}
