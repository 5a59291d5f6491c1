import type { TotalSample } from "../merge/totals.ts";
import type { EpochMs, FamilyMetadata, MetricFamily, SampleValue, Series } from "../series/series.ts";
import type { Batch } from "./destination.ts";

interface SeriesColumns {
  readonly series: Series;
  family: FamilyMetadata;
  readonly timestampsMs: EpochMs[];
  readonly values: SampleValue[];
}

/**
 * Groups samples by series, in the order in which each series first appears. A series' family is
 * that of its last sample.
 *
 * @param samples Of one dictionary: series are told apart by object identity.
 * @throws {RangeError} The samples of a series do not ascend in time.
 */
export function toBatch(samples: readonly TotalSample[]): Batch {
  const bySeries = new Map<Series, SeriesColumns>();
  for (const { series, family, timestampMs, value } of samples) {
    let columns = bySeries.get(series);
    if (!columns) {
      columns = { series, family, timestampsMs: [], values: [] };
      bySeries.set(series, columns);
    }
    const previousMs = columns.timestampsMs.at(-1);
    if (previousMs !== undefined && !(timestampMs > previousMs)) {
      throw new RangeError(
        `samples of ${series.name} must ascend in time: ${timestampMs} came after ${previousMs}`,
      );
    }
    columns.family = family;
    columns.timestampsMs.push(timestampMs);
    columns.values.push(value);
  }
  return { series: [...bySeries.values()], sampleCount: samples.length };
}

interface FamilyColumns extends FamilyMetadata {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: EpochMs[];
}

/**
 * The batch as families, for writers of text: families and, in each, series in the order in which
 * they first appear, a series' samples together. Series whose families share a name stand under the
 * first one's metadata. Stale markers are left out, since text has none; {@link countStaleMarkers}
 * says how many.
 */
export function batchFamilies(batch: Batch): MetricFamily[] {
  const byName = new Map<string, FamilyColumns>();
  for (const { series, family, timestampsMs, values } of batch.series) {
    let columns = byName.get(family.name);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value === null) continue;
      if (!columns) {
        const { name, type, help, unit } = family;
        columns = { name, type, help, unit, series: [], values: [], timestampsMs: [] };
        byName.set(name, columns);
      }
      columns.series.push(series);
      columns.values.push(value);
      columns.timestampsMs.push(timestampsMs[i]!);
    }
  }
  return [...byName.values()];
}

/**
 * The reason in a receipt for stale markers of a batch whose format has none. Nothing is lost by it but
 * the instant at which a series ended, so a report may tell it from a refusal by the receiver.
 */
export const STALE_MARKERS_LEFT_OUT = "the format has no stale markers";

/** Stale markers in the batch. */
export function countStaleMarkers(batch: Batch): number {
  let count = 0;
  for (const { values } of batch.series) for (const value of values) if (value === null) count++;
  return count;
}
