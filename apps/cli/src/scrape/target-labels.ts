import { canonicalLabels, type Label, type MetricFamily, type Series } from "@promferry/core/series";
import type { ScrapeTarget } from "./target.ts";

/**
 * The families with the target's `job` and `instance`. Labels of these names that the page brought
 * along are kept as `exported_job` and `exported_instance`, as Prometheus does by default.
 */
export function withTargetLabels(
  families: readonly MetricFamily[],
  target: Pick<ScrapeTarget, "job" | "instance">,
): MetricFamily[] {
  return families.map((family) => ({
    ...family,
    series: family.series.map((series) => labelled(series, targetLabels(target))),
  }));
}

export function targetLabels({ job, instance }: Pick<ScrapeTarget, "job" | "instance">): readonly Label[] {
  return [
    { name: "instance", value: instance },
    { name: "job", value: job },
  ];
}

function labelled({ name, labels }: Series, own: readonly Label[]): Series {
  const taken = new Set([...labels, ...own].map((label) => label.name));
  const kept = labels.map((label) => {
    if (!own.some((mine) => mine.name === label.name)) return label;
    let exported = `exported_${label.name}`;
    while (taken.has(exported)) exported = `exported_${exported}`;
    taken.add(exported);
    return { name: exported, value: label.value };
  });
  return { name, labels: canonicalLabels([...kept, ...own]) };
}
