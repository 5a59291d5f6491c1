import type { GaugeRule } from "../journal/frame.ts";
import type { Catalogue, CatalogueLabel, CatalogueMetric } from "./catalogue.ts";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAX_VALUES = 10_000;
const GAUGE_RULES: readonly GaugeRule[] = ["latest", "sum", "min", "max", "average", "first", "omit"];

/**
 * Everything that is wrong with a catalogue, one sentence each; empty when nothing is. The shape is
 * taken as given: see `catalogueFromJson` for text of unknown origin.
 */
export function catalogueProblems(catalogue: Catalogue): readonly string[] {
  const problems: string[] = [];
  if (!METRIC_NAME.test(catalogue.namespace)) {
    problems.push(`namespace ${quote(catalogue.namespace)}: expected letters, digits and underscores`);
  }
  const owners = new Map<string, string>();
  for (const metric of catalogue.metrics) {
    for (const problem of metricProblems(metric)) problems.push(`metric ${quote(metric.name)}: ${problem}`);
    for (const name of sampleNames(metric)) {
      const owner = owners.get(name);
      if (owner !== undefined) {
        problems.push(
          `metric ${quote(metric.name)}: its sample name ${quote(name)} is ${quote(owner)}'s already`,
        );
      }
      owners.set(name, metric.name);
    }
  }
  return problems;
}

/** The names under which a metric's samples stand on a page. */
export function sampleNames({ name, type }: Pick<CatalogueMetric, "name" | "type">): readonly string[] {
  return type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

function metricProblems(metric: CatalogueMetric): readonly string[] {
  const problems: string[] = [];
  if (!METRIC_NAME.test(metric.name)) problems.push("expected letters, digits, underscores and colons");
  if (metric.help === "") problems.push("help is empty");
  if (metric.type === "counter" && !metric.name.endsWith("_total")) {
    problems.push("a counter's name ends in _total");
  }
  for (const [label, rule] of Object.entries(metric.labels)) {
    if (!LABEL_NAME.test(label) || label.startsWith("__")) {
      problems.push(`label ${quote(label)}: expected letters, digits and underscores, not __ in front`);
    }
    if (label === "le" && metric.type === "histogram") problems.push('label "le" is the histogram\'s own');
    for (const problem of ruleProblems(rule)) problems.push(`label ${quote(label)}: ${problem}`);
  }
  const { buckets, across } = metric;
  if (buckets?.some((bound, i) => !Number.isFinite(bound) || (i > 0 && bound <= buckets[i - 1]!))) {
    problems.push("buckets: expected finite numbers in ascending order");
  }
  for (const rule of Object.values(across ?? {})) {
    if (!GAUGE_RULES.includes(rule)) {
      problems.push(`merge rule ${quote(rule)}: expected one of ${GAUGE_RULES.join(", ")}`);
    }
  }
  return problems;
}

function ruleProblems(rule: CatalogueLabel): readonly string[] {
  if (rule.kind === "closed") {
    const { values } = rule;
    if (values.length === 0) return ["expected at least one value"];
    if (values.includes("")) return ["an empty value is the same as no label"];
    if (new Set(values).size < values.length) return ["a value stands twice"];
    return [];
  }
  const problems: string[] = [];
  if (!Number.isInteger(rule.max) || rule.max < 1 || rule.max > MAX_VALUES) {
    problems.push(`max: expected a whole number from 1 to ${MAX_VALUES}, got ${rule.max}`);
  }
  if (rule.kind === "pattern") {
    // They remember where the last match ended: every second value would be none.
    if (/[gy]/.test(rule.flags)) {
      problems.push(
        `pattern ${quote(rule.source)}: expected flags without g and y, got ${quote(rule.flags)}`,
      );
    }
    try {
      new RegExp(rule.source, rule.flags);
    } catch {
      problems.push(`pattern ${quote(rule.source)}: not a regular expression`);
    }
  }
  return problems;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
