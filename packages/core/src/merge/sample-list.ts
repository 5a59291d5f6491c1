import type { EpochMs, Exemplar, FamilyMetadata, SampleValue, Series } from "../series/series.ts";

/** One sample of a series as a destination sees it: one series for each label set, over all sessions. */
export interface TotalSample {
  readonly series: Series;
  readonly family: FamilyMetadata;
  readonly timestampMs: EpochMs;
  readonly value: SampleValue;
  /** Of a scraped page, those that the destination has not had; each with a timestamp. */
  readonly exemplars?: readonly Exemplar[];
  /** Of a scraped page: since when the series had been counting. */
  readonly startMs?: EpochMs;
}

/** What few samples have. */
type SampleExtras = Pick<TotalSample, "exemplars" | "startMs">;

/**
 * Samples in their order, in columns of equal length: millions of them pass through an upload, and an object
 * for each would cost more than all else that is done with it (measured).
 */
export class SampleList implements Iterable<TotalSample> {
  readonly series: Series[] = [];
  readonly families: FamilyMetadata[] = [];
  readonly timestampsMs: EpochMs[] = [];
  readonly values: SampleValue[] = [];
  /** By index, where a sample has any. */
  readonly extras: Map<number, SampleExtras> = new Map();

  /** A list of these samples. */
  static of(samples: Iterable<TotalSample>): SampleList {
    const list = new SampleList();
    for (const { series, family, timestampMs, value, exemplars, startMs } of samples)
      list.push(series, family, timestampMs, value, exemplars, startMs);
    return list;
  }

  get length(): number {
    return this.values.length;
  }

  push(
    series: Series,
    family: FamilyMetadata,
    timestampMs: EpochMs,
    value: SampleValue,
    exemplars?: readonly Exemplar[],
    startMs?: EpochMs,
  ): void {
    if (exemplars !== undefined || startMs !== undefined) {
      const extras = { ...(exemplars && { exemplars }), ...(startMs !== undefined && { startMs }) };
      this.extras.set(this.values.length, extras);
    }
    this.series.push(series);
    this.families.push(family);
    this.timestampsMs.push(timestampMs);
    this.values.push(value);
  }

  /** The sample with this index, which the list has. */
  at(index: number): TotalSample {
    return {
      series: this.series[index]!,
      family: this.families[index]!,
      timestampMs: this.timestampsMs[index]!,
      value: this.values[index]!,
      ...this.extras.get(index),
    };
  }

  *[Symbol.iterator](): Generator<TotalSample, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }
}
