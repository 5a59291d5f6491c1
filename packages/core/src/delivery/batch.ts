import type { TotalSample } from "../merge/sample-list.ts";
import { isHistogram } from "../series/sample-value.ts";
import type {
  EpochMs,
  Exemplar,
  FamilyMetadata,
  MetricFamily,
  SampleValue,
  Series,
} from "../series/series.ts";
import type { Batch, Refusal } from "./destination.ts";

interface SeriesColumns {
  readonly series: Series;
  family: FamilyMetadata;
  readonly timestampsMs: EpochMs[];
  readonly values: SampleValue[];
  exemplars?: Map<number, readonly Exemplar[]>;
  startsMs?: Map<number, EpochMs>;
}

/**
 * Groups samples by series, in the order in which each series first appears. A series' family is
 * that of its last sample.
 *
 * @param samples Of one dictionary: series are told apart by object identity.
 * @throws {RangeError} The samples of a series do not ascend in time.
 */
export function toBatch(samples: Iterable<TotalSample>): Batch {
  const bySeries = new Map<Series, SeriesColumns>();
  let sampleCount = 0;
  for (const sample of samples) {
    const { series, family, timestampMs, value } = sample;
    const columns = bySeries.get(series);
    sampleCount++;
    if (columns === undefined) {
      const begun = { series, family, timestampsMs: [timestampMs], values: [value] };
      bySeries.set(series, begun);
      addExtras(begun, sample);
      continue;
    }
    const previousMs = columns.timestampsMs.at(-1)!;
    if (!(timestampMs > previousMs)) {
      throw new RangeError(
        `samples of ${series.name} must ascend in time: ${timestampMs} came after ${previousMs}`,
      );
    }
    columns.family = family;
    columns.timestampsMs.push(timestampMs);
    columns.values.push(value);
    addExtras(columns, sample);
  }
  return { series: [...bySeries.values()], sampleCount };
}

/** To the last row. */
function addExtras(
  columns: SeriesColumns,
  { exemplars, startMs }: Pick<TotalSample, "exemplars" | "startMs">,
): void {
  const row = columns.values.length - 1;
  if (exemplars) {
    columns.exemplars ??= new Map();
    columns.exemplars.set(row, exemplars);
  }
  if (startMs !== undefined) {
    columns.startsMs ??= new Map();
    columns.startsMs.set(row, startMs);
  }
}

interface FamilyColumns extends FamilyMetadata {
  readonly series: Series[];
  readonly values: number[];
  readonly timestampsMs: EpochMs[];
}

/**
 * The batch as families, for writers of text: families and, in each, series in the order in which
 * they first appear, a series' samples together. Series whose families share a name stand under the
 * first one's metadata. Stale markers and native histograms are left out, since text has none;
 * {@link leftOutOfText} says how many.
 */
export function batchFamilies(batch: Batch): MetricFamily[] {
  const byName = new Map<string, FamilyColumns>();
  for (const { series, family, timestampsMs, values } of batch.series) {
    let columns = byName.get(family.name);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (typeof value !== "number") continue;
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

/** The reason in a receipt for native histograms of a batch whose format has none. */
export const NATIVE_HISTOGRAMS_LEFT_OUT = "the format has no native histograms";

/** The samples of a batch that text and JSON lines have no place for, as a receipt lists them. */
export function leftOutOfText(batch: Batch): Refusal[] {
  let staleMarkers = 0;
  let histograms = 0;
  for (const { values } of batch.series) {
    for (const value of values) {
      if (value === null) staleMarkers++;
      else if (isHistogram(value)) histograms++;
    }
  }
  return [
    { reason: STALE_MARKERS_LEFT_OUT, count: staleMarkers },
    { reason: NATIVE_HISTOGRAMS_LEFT_OUT, count: histograms },
  ].filter(({ count }) => count > 0);
}
