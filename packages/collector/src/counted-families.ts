import type { MetricFamily, Series } from "@promferry/core/series";

/**
 * Without the counters, histograms and summaries that were never counted up. For the exit frame of a
 * session that has written nothing but its start frame: that one says already that everything counts
 * from zero. Gauges stay: zero is a value of theirs like any other.
 */
export function countedFamilies(families: readonly MetricFamily[]): readonly MetricFamily[] {
  return families.flatMap((family) => {
    const keep = counted(family);
    const rows = family.series.flatMap((series, row) => (keep(series, row) ? [row] : []));
    if (rows.length === 0) return [];
    if (rows.length === family.series.length) return [family];
    return [
      {
        ...family,
        series: rows.map((row) => family.series[row]!),
        values: rows.map((row) => family.values[row]!),
        timestampsMs: rows.map((row) => family.timestampsMs[row]!),
      },
    ];
  });
}

function counted(family: MetricFamily): (series: Series, row: number) => boolean {
  if (family.type === "counter") return (_, row) => family.values[row] !== 0;
  if (family.type !== "histogram" && family.type !== "summary") return () => true;
  // A histogram is kept or left out as a whole: its buckets at zero say where nothing was observed.
  const touched = new Set<string>();
  for (const [row, series] of family.series.entries()) {
    if (series.name === `${family.name}_count` && family.values[row] !== 0) touched.add(groupOf(series));
  }
  return (series) => touched.has(groupOf(series));
}

function groupOf(series: Series): string {
  const labels = series.labels.filter(({ name }) => name !== "le" && name !== "quantile");
  return JSON.stringify(labels.map(({ name, value }) => [name, value]));
}
