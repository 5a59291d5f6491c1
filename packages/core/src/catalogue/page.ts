import type { Catalogue, CatalogueLabel, CatalogueMetric } from "./catalogue.ts";

/**
 * The page "what is collected and why", as Markdown tables: all that the catalogue's program may record,
 * and nothing else. Starts with a table, so that the heading is the caller's.
 */
export function cataloguePage(catalogue: Catalogue): string {
  const head = "| metric | what it counts | why | labels |\n| --- | --- | --- | --- |\n";
  return head + catalogue.metrics.map(row).join("");
}

function row(metric: CatalogueMetric): string {
  const labels = Object.entries(metric.labels).map(([name, rule]) => `\`${name}\`: ${ruleInWords(rule)}`);
  const cells = [
    `\`${metric.name}\` (${metric.type})`,
    escapeCell(metric.help),
    escapeCell(metric.why) || "–",
    labels.join("<br>") || "–",
  ];
  return `| ${cells.join(" | ")} |\n`;
}

function ruleInWords(rule: CatalogueLabel): string {
  if (rule.kind === "closed") return rule.values.map(escapeCell).join(", ");
  if (rule.kind === "open") return `up to ${rule.max} different values`;
  return `values of the form \`${escapeCell(rule.source)}\`, up to ${rule.max}`;
}

function escapeCell(text: string): string {
  return text.replace(/\s+/g, " ").replace(/[\\|]/g, "\\$&").trim();
}
