import type { EpochMs, Series } from "../series/series.ts";
import { leavingTimeAfter } from "./coarseness.ts";
import { SampleList, type TotalSample } from "./sample-list.ts";

/** What the instants of one step gave, as samples at its end; of each series no more is kept than that. */
export interface StepJoin {
  /** Takes what the totals gave at one instant, in order of time. */
  add(atMs: EpochMs, samples: Iterable<TotalSample>): void;
  /**
   * Of each series the last sample, preceded by the 0 that it begins with, at the end of the step that last saw it
   * not yet there. A stale marker gives way to a value: the end of a series must not take its last growth along.
   *
   * @param afterMs A 0 stands later than this, or nowhere.
   */
  end(endMs: EpochMs, afterMs: EpochMs): SampleList;
}

export function createStepJoin(stepMs: number): StepJoin {
  const endAfter = (atMs: EpochMs) => leavingTimeAfter(atMs, { timeStepMs: stepMs });
  const beginnings = new Map<Series, TotalSample>();
  const last = new Map<Series, TotalSample>();
  return {
    add(atMs, samples) {
      for (const sample of samples) {
        const { series, timestampMs, value } = sample;
        if (timestampMs < atMs) beginnings.set(series, sample);
        else if (value !== null || !last.has(series)) last.set(series, sample);
      }
    },
    end(endMs, afterMs) {
      const joined = new SampleList();
      const earliestMs = endAfter(afterMs);
      for (const [series, { family, value }] of last) {
        const beginning = beginnings.get(series);
        if (beginning) {
          // The end of the step that saw it not yet there, or else the beginning of this one.
          const unseenMs = Math.min(endAfter(beginning.timestampMs), endMs - stepMs);
          const startMs = Math.max(unseenMs, earliestMs);
          if (startMs < endMs) joined.push(series, family, startMs, beginning.value);
        }
        joined.push(series, family, endMs, value);
      }
      return joined;
    },
  };
}
