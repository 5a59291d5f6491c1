export type {
  StoredNumber,
  StoredSeries,
  StoredSession,
  StoredSlot,
  StoredTarget,
  TotalsCheckpoint,
} from "./checkpoint.ts";
export { type Coarseness, coarsely, leavingTime, leavingTimeAfter } from "./coarseness.ts";
export type {
  AdmittedValues,
  Projected,
  Projection,
  ProjectionContext,
  ProjectionMemory,
} from "./projection.ts";
export { createTotals, type TotalSample, type Totals, type TotalsOptions } from "./totals.ts";
export type { Withheld } from "./withholding.ts";
