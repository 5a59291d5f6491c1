import type { FrameOrigin, SessionInfo } from "../journal/frame.ts";
import type { EpochMs, FamilyMetadata, Label } from "../series/series.ts";
import type { ValueBounds } from "../series/value-bounds.ts";
import type { Coarseness } from "./coarseness.ts";

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
      /** What a gauge's value is kept between, merged as it leaves. Default: nothing. Other types ignore it. */
      readonly bounds?: ValueBounds;
    }
  | {
      readonly withheld: string;
      /** Whether nothing else may be sent either until somebody has looked at it. Default false. */
      readonly blocks?: true;
    };

/** Label values by metric and label, each list in the order in which its values were admitted. */
export type AdmittedValues = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** What a projection has to remember of earlier decisions to decide the same again. */
export interface ProjectionMemory {
  /** Goes on from what was kept, and from nothing else. */
  recall(stored: AdmittedValues | undefined): void;
  /** What is to be kept; the same object until something is added to it. */
  kept(): AdmittedValues;
}

/**
 * Decides, once for each series of each session, under which name and labels it leaves, if at all:
 * joined session labels, the privacy gate, external labels, relabelling. Pure, but for what it remembers.
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
  /**
   * Whether programs' frames from between two instants are kept back, whatever they hold. A session that wrote at both is
   * a baseline at the later one: what it counted meanwhile is in no total, and what has counted nothing shows only once it
   * does. Absent: none are.
   */
  readonly isCutBetween?: (fromMs: EpochMs, toMs: EpochMs) => boolean;
  /** Whoever sends keeps it for the destination, before anything goes out that was decided by it. Absent: it needs none. */
  readonly memory?: ProjectionMemory;
  /** How coarse a program's totals are shown; absent: as they are. `coarsely` sets it. */
  readonly coarseness?: Coarseness;
}
