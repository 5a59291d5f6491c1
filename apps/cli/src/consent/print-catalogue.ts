import type { Catalogue, CatalogueLabel, CatalogueMetric } from "@promferry/core/catalogue";
import type { Addition } from "@promferry/privacy";
import { count } from "../count.ts";
import type { Output } from "../output.ts";

/** The page "what is collected and why" for a terminal; what was not agreed to yet is marked. */
export function printCatalogue(
  { line, style }: Output,
  catalogue: Catalogue,
  added: readonly Addition[] = [],
): void {
  line(
    `${style.bold(catalogue.namespace)} may collect ${count(catalogue.metrics.length, "metric")}, and nothing else:`,
  );
  for (const metric of catalogue.metrics) {
    const isNew = added.some((each) => each.metric === metric.name && each.label === undefined);
    line();
    line(`${style.bold(metric.name)} (${metric.type})${isNew ? style.yellow("  new") : ""}`);
    line(`  ${oneLine(metric.help)}`);
    if (metric.why !== "") line(`  why: ${oneLine(metric.why)}`);
    for (const text of labelsInWords(metric, added)) line(`  ${text}`);
  }
}

/** For a list such as `k1_views_total, label mode of k1_clicks_total`. */
export function additionInWords({ metric, label, values }: Addition): string {
  if (label === undefined) return metric;
  return values === undefined
    ? `label ${label} of ${metric}`
    : `${values.join(", ")} for ${label} of ${metric}`;
}

function labelsInWords({ name: metric, labels }: CatalogueMetric, added: readonly Addition[]): string[] {
  return Object.entries(labels).map(([name, rule]) => {
    const addition = added.find((each) => each.metric === metric && each.label === name);
    const news =
      addition === undefined ? "" : `  (new${addition.values ? `: ${addition.values.join(", ")}` : ""})`;
    return `${name}: ${ruleInWords(rule)}${news}`;
  });
}

function ruleInWords(rule: CatalogueLabel): string {
  if (rule.kind === "closed") return rule.values.join(", ");
  if (rule.kind === "open") return `up to ${rule.max} different values`;
  return `values of the form ${rule.source}, up to ${rule.max}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
