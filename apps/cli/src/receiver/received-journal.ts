import { createJournalWriter, type DayBoundary } from "@promferry/core/journal";
import {
  createSeriesDictionary,
  type FamilyMetadata,
  type MetricFamily,
  type Series,
} from "@promferry/core/series";
import type { ReceivedBatch } from "@promferry/remote-write/receiver";
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
  /** Stale markers, and samples with times that a journal can't hold. */
  readonly leftOut: number;
}

/** Stores what a receiver takes; every method resolves once it is on the disk. */
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
  const counts = { requests: 0, samples: 0, leftOut: 0 };

  const store = async (received: readonly MetricFamily[], alreadyLeftOut: number) => {
    const { families, leftOut } = toFrameFamilies(received);
    const samples = families.reduce((sum, { series }) => sum + series.length, 0);
    try {
      if (samples > 0) await writer.write({ kind: "full", families });
    } catch (error) {
      onError?.(error);
      throw error;
    }
    counts.requests++;
    counts.leftOut += leftOut + alreadyLeftOut;
    counts.samples += samples;
  };

  return {
    counts,
    storeFamilies: (families) => store(families, 0),
    async storeBatch(batch) {
      for (const each of batch.metadata) if (metadata.size < MAX_METADATA) metadata.set(each.name, each);
      const { families, staleMarkers } = batchFamilies(batch, metadata);
      await store(families, staleMarkers);
    },
    close: () => writer.close(),
  };
}

/** Families whose metadata is remembered. */
const MAX_METADATA = 10_000;

/** Remote write has bare series: each name is a family, of a type only where its sender said so. */
function batchFamilies(
  batch: ReceivedBatch,
  metadata: ReadonlyMap<string, FamilyMetadata>,
): { families: MetricFamily[]; staleMarkers: number } {
  const dictionary = createSeriesDictionary();
  const byName = new Map<string, { series: Series[]; values: number[]; timestampsMs: number[] }>();
  let staleMarkers = 0;
  for (const { name, labels, timestampsMs, values } of batch.series) {
    const series = dictionary.intern(name, labels);
    let columns = byName.get(name);
    if (!columns) {
      columns = { series: [], values: [], timestampsMs: [] };
      byName.set(name, columns);
    }
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (typeof value !== "number") {
        staleMarkers++;
        continue;
      }
      columns.series.push(series);
      columns.values.push(value);
      columns.timestampsMs.push(timestampsMs[i]!);
    }
  }
  const families = Array.from(byName, ([name, columns]): MetricFamily => {
    const known = metadata.get(name);
    const type = known?.type === "counter" || known?.type === "gauge" ? known.type : "unknown";
    return { name, type, help: known?.help ?? "", unit: "", ...columns };
  });
  return { families, staleMarkers };
}
