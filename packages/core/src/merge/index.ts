export type {
  StoredNumber,
  StoredSeries,
  StoredSession,
  StoredSlot,
  StoredTarget,
  TotalsCheckpoint,
} from "./checkpoint.ts";
export type { Projected, Projection, ProjectionContext } from "./projection.ts";
export { createTotals, type TotalSample, type Totals, type TotalsOptions } from "./totals.ts";
export type { Withheld } from "./withholding.ts";
