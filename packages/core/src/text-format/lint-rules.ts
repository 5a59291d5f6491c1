import type { MetricFamily, MetricType } from "../series/series.ts";

/** Which advice of `promtool check metrics` a warning repeats. */
export type LintRule =
  | "help" // no HELP text
  | "total" // a counter without `_total`, or another type with it
  | "base-unit" // milliseconds for seconds, and the like
  | "unit-abbreviation" // `_ms` and the like
  | "reserved-suffix" // `_bucket`, `_count` or `_sum` on another type
  | "reserved-label" // `le` or `quantile` on another type
  | "type-in-name" // `_gauge` in a gauge's name
  | "colon" // kept for recording rules
  | "camel-case"; // a metric or label name

export interface LintProblem {
  readonly rule: LintRule;
  readonly message: string;
}

const baseUnits: ReadonlyMap<string, string> = new Map([
  ["amperes", "amperes"],
  ["bytes", "bytes"],
  ["celsius", "celsius"],
  ["grams", "grams"],
  ["joules", "joules"],
  ["kelvin", "kelvin"],
  ["meters", "meters"],
  ["metres", "metres"],
  ["seconds", "seconds"],
  ["volts", "volts"],
  ["minutes", "seconds"],
  ["hours", "seconds"],
  ["days", "seconds"],
  ["weeks", "seconds"],
  ["kelvins", "kelvin"],
  ["fahrenheit", "celsius"],
  ["rankine", "celsius"],
  ["inches", "meters"],
  ["yards", "meters"],
  ["miles", "meters"],
  ["bits", "bytes"],
  ["calories", "joules"],
  ["pounds", "grams"],
  ["ounces", "grams"],
]);

const unitPrefix =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)/;
const abbreviatedUnit = /_(?:s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(?=_|$)/i;
const camelCase = /[a-z][A-Z]/;

/**
 * What `promtool check metrics` would advise about a family.
 *
 * @param openMetrics Whether the family's name follows OpenMetrics, where a counter's lacks `_total`.
 */
export function lintFamily(family: MetricFamily, openMetrics: boolean): readonly LintProblem[] {
  const problems: LintProblem[] = [];
  const report = (rule: LintRule, message: string): void => void problems.push({ rule, message });
  const { name, type, help } = family;
  const labelNames = new Set<string>();
  for (const { labels } of family.series) for (const label of labels) labelNames.add(label.name);

  if (help === "") report("help", "should have a help text");
  lintUnits(name, report);
  lintTotal(name, type, openMetrics, report);
  lintReserved(name, type, labelNames, report);
  if (type !== "unknown" && new RegExp(`_${goTypeName(type)}(?:_|$)`, "i").test(name)) {
    report("type-in-name", `should not have its type ${type} in its name`);
  }
  if (name.includes(":"))
    report("colon", "should not have ':' in its name, which is kept for recording rules");
  if (camelCase.test(name)) report("camel-case", "should be named in snake_case");
  for (const label of labelNames) {
    if (camelCase.test(label)) report("camel-case", `should have its label ${label} named in snake_case`);
  }
  return problems;
}

type Report = (rule: LintRule, message: string) => void;

function lintUnits(name: string, report: Report): void {
  for (const part of name.split("_")) {
    const base = baseUnits.get(part) ?? baseUnits.get(part.replace(unitPrefix, ""));
    if (base === undefined) continue;
    if (base !== part) report("base-unit", `should use the base unit ${base} instead of ${part}`);
    break;
  }
  const [abbreviation] = abbreviatedUnit.exec(name) ?? [];
  if (abbreviation !== undefined) {
    report("unit-abbreviation", `should not abbreviate a unit in its name, as ${abbreviation} does`);
  }
}

function lintTotal(name: string, type: MetricType, openMetrics: boolean, report: Report): void {
  const hasTotal = name.endsWith("_total");
  if (type === "counter") {
    if (!openMetrics && !hasTotal) report("total", "is a counter and should end in _total");
  } else if (type !== "unknown" && hasTotal) {
    report("total", `is a ${type} and should not end in _total`);
  }
}

function lintReserved(name: string, type: MetricType, labelNames: ReadonlySet<string>, report: Report): void {
  if (type === "unknown") return;
  const isHistogram = type === "histogram";
  const isSummary = type === "summary";
  if (!isHistogram && name.endsWith("_bucket")) {
    report("reserved-suffix", "is no histogram and should not end in _bucket");
  }
  for (const suffix of ["_count", "_sum"]) {
    if (!isHistogram && !isSummary && name.endsWith(suffix)) {
      report("reserved-suffix", `is no histogram or summary and should not end in ${suffix}`);
    }
  }
  const hasBounds = isHistogram || type === "gaugehistogram";
  if (!hasBounds && labelNames.has("le")) {
    report("reserved-label", "is no histogram and should not have a label le");
  }
  if (!isSummary && labelNames.has("quantile")) {
    report("reserved-label", "is no summary and should not have a label quantile");
  }
}

/** promtool looks for the protocol buffers' name of the type. */
function goTypeName(type: MetricType): string {
  return type === "gaugehistogram" ? "gauge_histogram" : type;
}
