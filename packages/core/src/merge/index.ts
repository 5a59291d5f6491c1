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
export { SampleList, type TotalSample } from "./sample-list.ts";
export { createTotals, type Totals, type TotalsOptions } from "./totals.ts";
export type { Withheld } from "./withholding.ts";
