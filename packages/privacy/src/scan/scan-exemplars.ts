import type { Batch, BatchSeries } from "@promferry/core/delivery";
import type { Exemplar } from "@promferry/core/series";
import type { FindingKind } from "./finding.ts";
import type { Scanner } from "./scanner.ts";
import type { ScanAction } from "./value-scan.ts";

export interface ScanExemplarsOptions {
  readonly scanner: Scanner;
  /** Whatever isn't `allow` drops the exemplar. Default `other` for every kind. */
  readonly action?: (kind: FindingKind) => ScanAction;
}

/**
 * The batch without the exemplars in which something was found; the samples stay. Only pages' series have any: those
 * of a program never leave it.
 */
export function scanExemplars(batch: Batch, options: ScanExemplarsOptions): Batch {
  if (!batch.series.some(({ exemplars }) => exemplars)) return batch;
  const { scanner, action = () => "other" } = options;
  const isFine = (text: string) => scanner(text).every((kind) => action(kind) === "allow");
  const passes = ({ labels }: Exemplar) => labels.every(({ name, value }) => isFine(name) && isFine(value));
  return { ...batch, series: batch.series.map((series) => scanSeries(series, passes)) };
}

function scanSeries(series: BatchSeries, passes: (exemplar: Exemplar) => boolean): BatchSeries {
  const { exemplars, ...rest } = series;
  if (!exemplars) return series;
  const kept = Array.from(exemplars, ([row, each]) => [row, each.filter(passes)] as const).filter(
    ([, each]) => each.length > 0,
  );
  return kept.length > 0 ? { ...rest, exemplars: new Map(kept) } : rest;
}
