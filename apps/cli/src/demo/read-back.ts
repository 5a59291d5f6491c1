import { openJournal } from "@promferry/core/journal";
import { labelValue, type Series } from "@promferry/core/series";

/** What lies in a receiver's journal. */
export interface ReadBack {
  readonly samples: number;
  readonly series: number;
  /** The newest value of each series of one name, summed over all other labels, by one label's value. */
  newestBy(name: string, label: string): ReadonlyMap<string, number>;
}

/** Reads every frame from the disk, with nothing in memory of how it came there. */
export async function readBack(dir: string): Promise<ReadBack> {
  const journal = openJournal(dir);
  const newest = new Map<Series, { atMs: number; value: number }>();
  let samples = 0;
  for (const ref of (await journal.index()).frames) {
    for (const { series, values, timestampsMs } of (await journal.read(ref)).families) {
      samples += series.length;
      series.forEach((each, i) => {
        const atMs = timestampsMs[i]!;
        if (atMs >= (newest.get(each)?.atMs ?? 0)) newest.set(each, { atMs, value: values[i]! });
      });
    }
  }
  return {
    samples,
    series: newest.size,
    newestBy(name, label) {
      const sums = new Map<string, number>();
      for (const [series, { value }] of newest) {
        if (series.name !== name) continue;
        const key = labelValue(series, label);
        sums.set(key, (sums.get(key) ?? 0) + value);
      }
      return sums;
    },
  };
}
