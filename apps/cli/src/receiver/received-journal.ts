import {
  createJournalWriter,
  type DayBoundary,
  JournalError,
  MAX_FRAME_BYTES,
} from "@promferry/core/journal";
import {
  createSeriesDictionary,
  type Exemplar,
  type FamilyMetadata,
  type MetricFamily,
  type NativeHistogram,
  type Series,
} from "@promferry/core/series";
import { BatchRefusal, type ReceivedBatch } from "@promferry/remote-write/receiver";
import { count } from "../count.ts";
import { toFrameFamilies } from "../frame-families.ts";

export interface ReceivedJournalOptions {
  readonly dir: string;
  readonly dayBoundary: DayBoundary;
  readonly now: () => number;
  /** Told why samples could not be stored; their sender learns no more than that. */
  readonly onError?: (error: unknown) => void;
}

/** What came in so far. */
export interface ReceivedCounts {
  readonly requests: number;
  readonly samples: number;
}

/**
 * Stores what a receiver takes; every method resolves once it is on the disk, and throws a
 * {@link BatchRefusal}, with nothing stored, where a frame can't hold it.
 */
export interface ReceivedJournal {
  storeBatch(batch: ReceivedBatch): Promise<void>;
  storeFamilies(families: readonly MetricFamily[]): Promise<void>;
  readonly counts: ReceivedCounts;
  close(): Promise<void>;
}

/** Frames carry the time of arrival; samples keep their own times. */
export function createReceivedJournal(options: ReceivedJournalOptions): ReceivedJournal {
  const { dir, dayBoundary, now, onError } = options;
  const info = { intervalMs: 60_000 };
  const writer = createJournalWriter({ dir, origin: "scrape", consent: "user", info, dayBoundary, now });
  const metadata = new Map<string, FamilyMetadata>();
  const counts = { requests: 0, samples: 0 };

  const store = async (received: readonly MetricFamily[]) => {
    demandRoom(received);
    const { families, leftOut } = toFrameFamilies(received);
    if (leftOut > 0) {
      throw new BatchRefusal(
        "ERR_BATCH_INVALID",
        `${count(leftOut, "sample")} with a time before 1970 or beyond 2^53 milliseconds; nothing of the request was stored`,
      );
    }
    const samples = families.reduce((sum, { series }) => sum + series.length, 0);
    try {
      if (samples > 0) await writer.write({ kind: "full", families });
    } catch (error) {
      if (error instanceof JournalError && error.code === "ERR_JOURNAL_TOO_LARGE") throw tooLarge();
      onError?.(error);
      throw error;
    }
    counts.requests++;
    counts.samples += samples;
  };

  return {
    counts,
    storeFamilies: store,
    async storeBatch(batch) {
      for (const each of batch.metadata) if (metadata.size < MAX_METADATA) metadata.set(each.name, each);
      await store(batchFamilies(batch, metadata));
    },
    close: () => writer.close(),
  };
}

/** Families whose metadata is remembered. */
const MAX_METADATA = 10_000;

/**
 * A series' labels are written with each of its samples: a small request can be terabytes of text, which must not be
 * begun.
 *
 * @throws {BatchRefusal} The names and labels alone are more than a frame may hold.
 */
function demandRoom(families: readonly MetricFamily[]): void {
  let bytes = 0;
  let series: Series | undefined;
  let ofSeries = 0;
  for (const family of families) {
    for (const each of family.series) {
      if (each !== series) {
        series = each;
        ofSeries = each.name.length;
        for (const { name, value } of each.labels) ofSeries += name.length + value.length + '="",'.length;
      }
      bytes += ofSeries;
      if (bytes > MAX_FRAME_BYTES) throw tooLarge();
    }
  }
}

function tooLarge(): BatchRefusal {
  return new BatchRefusal(
    "ERR_BATCH_TOO_LARGE",
    `written out, the samples take more than ${MAX_FRAME_BYTES} bytes; send fewer at once`,
  );
}

interface Columns {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: number[];
  readonly special: Map<number, NativeHistogram | null>;
  readonly exemplars: Map<number, readonly Exemplar[]>;
  readonly startsMs: Map<number, number>;
}

/** Remote write has bare series: each name is a family, of a type only where its sender said so. */
function batchFamilies(batch: ReceivedBatch, metadata: ReadonlyMap<string, FamilyMetadata>): MetricFamily[] {
  const dictionary = createSeriesDictionary();
  const byName = new Map<string, Columns>();
  for (const { name, labels, timestampsMs, values, exemplars, startsMs } of batch.series) {
    const series = dictionary.intern(name, labels);
    const columns = byName.get(name) ?? openColumns();
    byName.set(name, columns);
    for (const [i, value] of values.entries()) {
      const row = columns.series.length;
      columns.series.push(series);
      columns.values.push(typeof value === "number" ? value : Number.NaN);
      columns.timestampsMs.push(timestampsMs[i]!);
      if (typeof value !== "number") columns.special.set(row, value);
      const shown = exemplars?.get(i);
      if (shown) columns.exemplars.set(row, shown);
      const startMs = startsMs?.get(i);
      if (startMs !== undefined) columns.startsMs.set(row, startMs);
    }
  }
  return Array.from(byName, ([name, columns]): MetricFamily => {
    const known = metadata.get(name);
    const type = known && BARE_TYPES.has(known.type) ? known.type : typeOf(columns);
    return { name, type, help: known?.help ?? "", unit: "", ...columns };
  });
}

/** Types of which a series can be named like its family; that of a histogram is a native one. */
const BARE_TYPES: ReadonlySet<FamilyMetadata["type"]> = new Set([
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
]);

function openColumns(): Columns {
  return {
    series: [],
    values: [],
    timestampsMs: [],
    special: new Map(),
    exemplars: new Map(),
    startsMs: new Map(),
  };
}

function typeOf({ special }: Columns): FamilyMetadata["type"] {
  return [...special.values()].some((value) => value !== null) ? "histogram" : "unknown";
}
