import { bucketTotal } from "./bucket-totals.ts";
import { type Coarseness, coarseCount, isOfEvents } from "./coarseness.ts";
import type { SampleList } from "./sample-list.ts";
import type { TargetTable } from "./target-table.ts";
import { counterTotal, type Target } from "./targets.ts";

/** Whether the target stays behind since too little was counted. */
export function isBelowMinimum(
  target: Target,
  table: TargetTable,
  coarseness: Coarseness | undefined,
): boolean {
  if (coarseness?.minimumCount === undefined) return false;
  const count = countOf(target, table);
  return count !== undefined && coarseCount(count, coarseness) < coarseness.minimumCount;
}

/** How much was counted of what the target tells of; undefined for what counts nothing. */
function countOf(target: Target, table: TargetTable): number | undefined {
  if (target.kind === "page") return undefined;
  if (target.kind === "bucket") return bucketTotal(target.totals, target.outlets.length - 1);
  if (isOfEvents(target.series, target.family)) {
    const counted = table.countBeside(target.series, target.family);
    return counted === undefined ? 0 : counterTotal(counted);
  }
  return target.kind === "counter" ? counterTotal(target) : undefined;
}

/** Makes counts coarse among the target's samples, those from `from` on. */
export function coarsen(out: SampleList, from: number, target: Target, coarseness: Coarseness): void {
  const isCounter = target.kind === "counter" && !isOfEvents(target.series, target.family);
  if (!isCounter && target.kind !== "bucket") return;
  for (let i = from; i < out.length; i++) out.values[i] = coarseCount(out.values[i]!, coarseness);
}
