import type { FrameOrigin, SessionInfo } from "../journal/frame.ts";
import type { EpochMs, FamilyMetadata, Label } from "../series/series.ts";

/** What a projection may look at besides the series itself. */
export interface ProjectionContext {
  readonly family: FamilyMetadata;
  readonly origin: FrameOrigin;
  readonly session: SessionInfo;
  /** Where the projection has periods: when the one at hand began. */
  readonly periodMs?: EpochMs;
}

/** A series on its way out: name and labels, or the reason why it stays. */
export type Projected =
  | {
      readonly name: string;
      readonly labels: readonly Label[];
      /** The HELP text that goes with it. Default: its family's. */
      readonly help?: string;
    }
  | {
      readonly withheld: string;
      /** Whether nothing else may be sent either until somebody has looked at it. Default false. */
      readonly blocks?: true;
    };

/**
 * Decides, once for each series of each session, under which name and labels it leaves, if at all:
 * joined session labels, the privacy gate, external labels, relabelling. Pure.
 *
 * Series that fall together are merged by the totals: counters and histograms add up, gauges follow
 * their {@link GaugeMerge}.
 */
export interface Projection {
  (
    series: { readonly name: string; readonly labels: readonly Label[] },
    context: ProjectionContext,
  ): Projected;
  /**
   * When the period began that an instant lies in; absent: it gives the same at all times. With each new period
   * a program's series are decided anew, and totals begin at 0.
   */
  readonly periodOf?: (atMs: EpochMs) => EpochMs;
}
