import type { EpochMs } from "../series/series.ts";
import { withinBounds } from "../series/value-bounds.ts";
import { bucketTotal } from "./bucket-totals.ts";
import { coarsen, isBelowMinimum } from "./coarse-targets.ts";
import type { Coarseness } from "./coarseness.ts";
import type { Projection } from "./projection.ts";
import type { SampleList } from "./sample-list.ts";
import type { TargetTable } from "./target-table.ts";
import { counterTotal, gaugeTotal, markSettled, markShown, passOver, type Target } from "./targets.ts";
import type { Withholding } from "./withholding.ts";

/**
 * Where frames are kept back for a time, a series that has counted nothing since is one that only tells of that time:
 * it shows once it counts.
 */
const ANYTHING = Number.MIN_VALUE;
const UNCOUNTED = "nothing was counted in the time that is sent";

/** What a destination is shown of programs' totals: coarse, and without what stays below the minimum, as the projection says. */
export class Showing {
  readonly #table: TargetTable;
  readonly #withholding: Withholding;
  readonly #coarseness: Coarseness | undefined;
  /** The same, with the minimum from which a series shows. */
  readonly #minimum: Coarseness | undefined;
  /** The 0 before a series' first sample is later than this. */
  restartedMs: EpochMs;

  constructor(
    { coarseness, isCutBetween }: Projection,
    table: TargetTable,
    withholding: Withholding,
    restartedMs: EpochMs,
  ) {
    this.#table = table;
    this.#withholding = withholding;
    this.#coarseness = coarseness;
    const isMinimal = coarseness?.minimumCount !== undefined;
    this.#minimum = isCutBetween && !isMinimal ? { ...coarseness, minimumCount: ANYTHING } : coarseness;
    this.restartedMs = restartedMs;
  }

  /** The target's value, as {@link show} would show it, whether the destination has had it or not. */
  value(target: Target, atMs: EpochMs, out: SampleList): void {
    if (this.#isWithheld(target)) return;
    const from = out.length;
    this.#push(target, atMs, out);
    if (this.#coarseness !== undefined) coarsen(out, from, target, this.#coarseness);
  }

  /** The target's sample at `atMs`, preceded, where the destination has had none, by where it began. */
  #emit(target: Target, atMs: EpochMs, previousMs: EpochMs | undefined, out: SampleList): void {
    if (target.kind === "bucket" || !target.emitted) this.#pushBeginning(target, atMs, previousMs, out);
    this.#push(target, atMs, out);
    markSettled(target);
  }

  #pushBeginning(target: Target, atMs: EpochMs, previousMs: EpochMs | undefined, out: SampleList): void {
    const beforeMs = previousMs ?? target.owedSinceMs;
    if (beforeMs === undefined) return;
    const timestampMs = Math.max(Math.min(beforeMs, atMs - 1), this.restartedMs + 1);
    if (timestampMs >= atMs) return;
    const { family } = target;
    if (target.kind === "counter") out.push(target.series, family, timestampMs, 0);
    else if (target.kind === "bucket") {
      for (const { emitted, series, firstValue } of target.outlets) {
        if (!emitted) out.push(series, family, timestampMs, firstValue);
      }
    }
  }

  /** What {@link #emit} gives, as coarse as it may leave. */
  show(target: Target, atMs: EpochMs, previousMs: EpochMs | undefined, out: SampleList): void {
    if (this.#isWithheld(target)) passOver(target);
    else if (this.#coarseness === undefined) this.#emit(target, atMs, previousMs, out);
    else {
      const from = out.length;
      this.#emit(target, atMs, previousMs, out);
      coarsen(out, from, target, this.#coarseness);
    }
  }

  /** Whether the target stays behind below the minimum; it is counted then. */
  #isWithheld(target: Target): boolean {
    if (!this.#isBelowMinimum(target)) return false;
    for (const { series } of target.kind === "bucket" ? target.outlets : [target])
      this.#withholding.add(
        this.#coarseness?.minimumCount === undefined ? UNCOUNTED : "minimum_count",
        series,
      );
    return true;
  }

  /** Folded, the target has been shown; but not below the minimum, so that a 0 still precedes its first sample. */
  settle(target: Target): void {
    if (this.#isBelowMinimum(target)) passOver(target);
    else markSettled(target);
  }

  /** A late frame has added to the target, unseen since `sinceMs`. */
  owe(target: Target, sinceMs: EpochMs): void {
    target.owedSinceMs ??= sinceMs;
    // Samples that were sent since it came held its growth: nobody knows whether they came up to the minimum by it.
    if (target.isBelow && !this.#isBelowMinimum(target)) markShown(target);
  }

  #isBelowMinimum(target: Target): boolean {
    return this.#minimum !== undefined && isBelowMinimum(target, this.#table, this.#minimum);
  }

  /** Of a program: pages are passed on as they come. */
  #push(target: Target, timestampMs: EpochMs, out: SampleList): void {
    const { family } = target;
    switch (target.kind) {
      case "counter":
        out.push(target.series, family, timestampMs, counterTotal(target));
        return;
      case "bucket":
        for (let i = 0; i < target.outlets.length; i++) {
          const { series } = target.outlets[i]!;
          out.push(series, family, timestampMs, bucketTotal(target.totals, i));
        }
        return;
      case "gauge": {
        const value = gaugeTotal(target);
        const { series, bounds = {} } = target;
        if (value === "ambiguous") this.#withholding.add("gauge_label_merge", series);
        else if (value !== undefined) out.push(series, family, timestampMs, withinBounds(value, bounds));
        return;
      }
    }
  }
}
