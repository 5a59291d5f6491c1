import type { Frame } from "../journal/frame.ts";
import type { EpochMs, FamilyMetadata, SampleValue, Series } from "../series/series.ts";
import type { Projection } from "./projection.ts";

/** One sample of a series as every destination sees it: one series for each label set, over all sessions. */
export interface TotalSample {
  readonly series: Series;
  readonly family: FamilyMetadata;
  readonly timestampMs: EpochMs;
  readonly value: SampleValue;
}

export interface TotalsOptions {
  readonly project: Projection;
}

export interface Totals {
  /** Takes a frame into the state and emits nothing: it was accepted before, or it came late. */
  fold(frame: Frame, options: { readonly late: boolean }): void;
  /** Takes the frames of one instant and gives the samples of that instant. */
  step(frames: readonly Frame[]): TotalSample[];
  /** What late frames added to series that no later step carried, as samples at `atMs`. */
  settleLate(atMs: EpochMs): TotalSample[];
}
