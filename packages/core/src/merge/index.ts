export type { Projected, Projection, ProjectionContext } from "./projection.ts";
export type { TotalSample, Totals, TotalsOptions } from "./totals.ts";
