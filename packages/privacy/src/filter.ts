import type { Projected, Projection } from "@promferry/core/merge";
import type { ValueBounds } from "@promferry/core/series";

/**
 * What becomes of one series: the name and labels it goes on with, or why it stays. Pure, and the same
 * type as the projection of the totals, so that one filter serves both gates: before a frame is written,
 * by `filterFamilies`, and before a batch is sent.
 *
 * Series that a filter makes equal are merged by whoever applies it.
 */
export type Filter = Projection;

/** Filters one after the other; the first that withholds a series has the last word. */
export function composeFilters(...filters: readonly Filter[]): Filter {
  return (series, context) => {
    let projected: Projected = { name: series.name, labels: series.labels };
    let help: string | undefined;
    let bounds: ValueBounds | undefined;
    for (const filter of filters) {
      projected = filter(projected, context);
      if ("withheld" in projected) return projected;
      help = projected.help ?? help;
      bounds = projected.bounds ?? bounds;
    }
    if (help === undefined && bounds === undefined) return projected;
    return { ...projected, ...(help !== undefined && { help }), ...(bounds !== undefined && { bounds }) };
  };
}
