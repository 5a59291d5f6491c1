import type {
  EpochMs,
  Exemplar,
  FamilyMetadata,
  NativeHistogram,
  SampleValue,
  Series,
} from "../series/series.ts";

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

const LEAST_ROOM = 16;

/**
 * Samples in their order, in columns: millions of them pass through an upload, and an object for each would cost
 * more than all else that is done with it (measured). Columns may be longer than the list.
 */
export class SampleList implements Iterable<TotalSample> {
  readonly series: Series[];
  readonly families: FamilyMetadata[];
  timestampsMs: Float64Array;
  /** `NaN` in place of stale markers and native histograms, which stand in {@link specials}. */
  values: Float64Array;
  /** By index. */
  readonly specials: Map<number, NativeHistogram | null> = new Map();
  /** By index, where a sample has any. */
  readonly extras: Map<number, SampleExtras> = new Map();
  length = 0;

  /** @param room How many samples are expected. */
  constructor(room = 0) {
    const columns = Math.max(room, LEAST_ROOM);
    this.series = new Array<Series>(columns);
    this.families = new Array<FamilyMetadata>(columns);
    this.timestampsMs = new Float64Array(columns);
    this.values = new Float64Array(columns);
  }

  /** A list of these samples. */
  static of(samples: Iterable<TotalSample>): SampleList {
    const list = new SampleList();
    for (const { series, family, timestampMs, value, exemplars, startMs } of samples)
      list.push(series, family, timestampMs, value, exemplars, startMs);
    return list;
  }

  /** Empties it; its memory serves for others. */
  clear(): void {
    this.length = 0;
    if (this.specials.size > 0) this.specials.clear();
    if (this.extras.size > 0) this.extras.clear();
  }

  push(
    series: Series,
    family: FamilyMetadata,
    timestampMs: EpochMs,
    value: SampleValue,
    exemplars?: readonly Exemplar[],
    startMs?: EpochMs,
  ): void {
    const index = this.length++;
    if (index === this.values.length) this.#grow();
    this.series[index] = series;
    this.families[index] = family;
    this.timestampsMs[index] = timestampMs;
    if (typeof value === "number") this.values[index] = value;
    else {
      this.values[index] = Number.NaN;
      this.specials.set(index, value);
    }
    if (exemplars !== undefined || startMs !== undefined) {
      const extras = { ...(exemplars && { exemplars }), ...(startMs !== undefined && { startMs }) };
      this.extras.set(index, extras);
    }
  }

  /** Takes in all samples of another list, behind its own. */
  add(other: SampleList): void {
    for (let i = 0; i < other.length; i++) this.addOne(other, i);
  }

  /** Takes in the sample of another list with this index. */
  addOne(other: SampleList, at: number): void {
    const index = this.length++;
    if (index === this.values.length) this.#grow();
    this.series[index] = other.series[at]!;
    this.families[index] = other.families[at]!;
    this.timestampsMs[index] = other.timestampsMs[at]!;
    this.values[index] = other.values[at]!;
    const special = other.specials.size === 0 ? undefined : other.specials.get(at);
    if (special !== undefined) this.specials.set(index, special);
    const extras = other.extras.size === 0 ? undefined : other.extras.get(at);
    if (extras !== undefined) this.extras.set(index, extras);
  }

  /** The value of the sample with this index. */
  valueAt(index: number): SampleValue {
    const value = this.values[index]!;
    if (!Number.isNaN(value)) return value;
    const special = this.specials.get(index);
    return special === undefined ? value : special;
  }

  /** The sample with this index, which the list has. */
  at(index: number): TotalSample {
    return {
      series: this.series[index]!,
      family: this.families[index]!,
      timestampMs: this.timestampsMs[index]!,
      value: this.valueAt(index),
      ...this.extras.get(index),
    };
  }

  *[Symbol.iterator](): Generator<TotalSample, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  #grow(): void {
    const { timestampsMs, values } = this;
    this.timestampsMs = new Float64Array(2 * timestampsMs.length);
    this.timestampsMs.set(timestampsMs);
    this.values = new Float64Array(2 * values.length);
    this.values.set(values);
  }
}
