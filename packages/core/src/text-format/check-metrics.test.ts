import { expect, test } from "vitest";
import { checkMetrics, type ExpositionFormat } from "./index.ts";

function rules(page: string, format: ExpositionFormat = "prometheus"): string[] {
  return checkMetrics(page, { format }).warnings.map((w) => `${w.line} ${w.metric} ${w.rule}`);
}

for (const { name, page, warnings } of [
  { name: "a family without help", page: "\na 1\n", warnings: ["2 a help"] },
  { name: "a counter without _total", page: "# HELP a x\n# TYPE a counter\na 1\n", warnings: ["1 a total"] },
  {
    name: "a gauge with _total",
    page: "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
    warnings: ["1 a_total total"],
  },
  { name: "an untyped _total", page: "# HELP a_total x\na_total 1\n", warnings: [] },
  {
    name: "units that are not base units, and abbreviated ones",
    page: "# HELP a_milliseconds x\na_milliseconds 1\n# HELP b_ms_c x\nb_ms_c 1\n# HELP c_bits x\nc_bits 1\n# HELP d_seconds x\nd_seconds 1\n",
    warnings: ["1 a_milliseconds base-unit", "3 b_ms_c unit-abbreviation", "5 c_bits base-unit"],
  },
  {
    name: "suffixes and labels of histograms and summaries on a gauge",
    page: '# HELP a_count x\n# TYPE a_count gauge\na_count{le="1",quantile="1"} 1\n',
    warnings: ["1 a_count reserved-suffix", "1 a_count reserved-label", "1 a_count reserved-label"],
  },
  {
    name: "the type in the name",
    page: "# HELP a_gauge x\n# TYPE a_gauge gauge\na_gauge 1\n",
    warnings: ["1 a_gauge type-in-name"],
  },
  {
    name: "a part of a name that every JavaScript object has as a property",
    page: "# HELP a_constructor x\na_constructor 1\n",
    warnings: [],
  },
  { name: "a colon", page: "# HELP a:b x\na:b 1\n", warnings: ["1 a:b colon"] },
  {
    name: "camel case in the name and in a label, each once",
    page: '# HELP aB x\naB{cD="1"} 1\naB{cD="2"} 1\n',
    warnings: ["1 aB camel-case", "1 aB camel-case"],
  },
  { name: "a family without samples", page: "# TYPE a counter\n", warnings: [] },
]) {
  test(`checkMetrics warns about ${name}: ${warnings.length}`, () => {
    expect(rules(page)).toEqual(warnings);
  });
}

test("checkMetrics asks no _total of an OpenMetrics counter's name", () => {
  expect(rules("# TYPE a counter\n# HELP a x\na_total 1\n# EOF\n", "openmetrics")).toEqual([]);
});

test("checkMetrics gives one error and its position, and no warnings", () => {
  expect(checkMetrics("aB 1\nc x\n", { format: "prometheus" })).toEqual({
    errors: [{ line: 2, column: 3, message: 'expected a number, got "x"' }],
    warnings: [],
    cardinality: [],
  });
});

test("checkMetrics counts the series of each family, the largest first, and a series once however often it stands there", () => {
  const page =
    '# TYPE a gauge\na 1\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n' +
    "# TYPE none gauge\n# TYPE b gauge\nb 1 1\nb 2 2\n# EOF\n";
  expect(checkMetrics(page, { format: "openmetrics" }).cardinality).toEqual([
    { metric: "h", series: 3 },
    { metric: "a", series: 1 },
    { metric: "b", series: 1 },
  ]);
});
