import type { Series } from "../series/series.ts";

/** Samples that stayed behind for one reason. */
export interface Withheld {
  readonly reason: string;
  readonly series: number;
  readonly samples: number;
}

export interface Withholding {
  add(reason: string, series: Series): void;
  /** By reason, in order of first appearance. */
  list(): readonly Withheld[];
}

export function createWithholding(): Withholding {
  const byReason = new Map<string, { readonly series: Set<Series>; samples: number }>();
  return {
    add(reason, series) {
      let entry = byReason.get(reason);
      if (!entry) {
        entry = { series: new Set(), samples: 0 };
        byReason.set(reason, entry);
      }
      entry.series.add(series);
      entry.samples++;
    },
    list() {
      return [...byReason].map(([reason, { series, samples }]) => ({ reason, series: series.size, samples }));
    },
  };
}
