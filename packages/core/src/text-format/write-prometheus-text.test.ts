import { expect, test } from "vitest";
import { parseExposition, writePrometheusText } from "./index.ts";

const openMetrics = `# TYPE c counter
# HELP c Things \\"here\\".
c_total{x="1"} 5 1.5
c_created{x="1"} 1 1.5
# TYPE i info
i_info{version="1"} 1
# TYPE st stateset
st{st="a"} 1
st{st="b"} 0
# TYPE gh gaugehistogram
gh_bucket{le="-1.0"} 1
gh_bucket{le="+Inf"} 1
gh_gcount 1
gh_gsum -1
# TYPE h_seconds histogram
# UNIT h_seconds seconds
h_seconds_bucket{le="+Inf"} 1 # {t="1"} 0.5
h_seconds_count 1
h_seconds_sum 0.5
# TYPE s summary
s{quantile="0.5"} NaN
s_count 1
u 1
# EOF
`;

test("what OpenMetrics alone knows becomes what every reader of the text format takes", () => {
  const text = writePrometheusText(parseExposition(openMetrics, { format: "openmetrics" }));
  expect(text).toBe(`# HELP c_total Things "here".
# TYPE c_total counter
c_total{x="1"} 5 1500
# HELP c_created Things "here".
# TYPE c_created gauge
c_created{x="1"} 1 1500
# TYPE i_info gauge
i_info{version="1"} 1
# TYPE st gauge
st{st="a"} 1
st{st="b"} 0
# TYPE gh_bucket gauge
gh_bucket{le="-1.0"} 1
gh_bucket{le="+Inf"} 1
# TYPE gh_gcount gauge
gh_gcount 1
# TYPE gh_gsum gauge
gh_gsum -1
# TYPE h_seconds histogram
h_seconds_bucket{le="+Inf"} 1
h_seconds_count 1
h_seconds_sum 0.5
# TYPE s summary
s{quantile="0.5"} NaN
s_count 1
# TYPE u untyped
u 1
`);
  for (const format of ["prometheus", "scrape"] as const) {
    expect(writePrometheusText(parseExposition(text, { format }))).toBe(text);
  }
});

test("families of one name become one, under the first type and help", () => {
  const pages = [
    "# HELP a One.\n# TYPE a counter\na 1 1\nb 1 1\n",
    "# HELP a Two.\n# TYPE a gauge\na 2 2\nb 2 2\n",
  ];
  const families = pages.flatMap((page) => parseExposition(page, { format: "scrape" }));
  expect(writePrometheusText(families)).toBe(
    "# HELP a One.\n# TYPE a counter\na 1 1\na 2 2\n# TYPE b untyped\nb 1 1\nb 2 2\n",
  );
});

test("samples without a timestamp take the default", () => {
  const families = parseExposition("a 1\nb 2 5\n", { format: "scrape" });
  expect(writePrometheusText(families, { defaultTimestampMs: 7 })).toBe(
    "# TYPE a untyped\na 1 7\n# TYPE b untyped\nb 2 5\n",
  );
});

test("names outside the classic characters go in quotes", () => {
  const page = '# HELP "a.b" x\n# TYPE "a.b" gauge\n{"a.b","c d"="\\"\\\\\\n"} 1\n{"é"} 2\n';
  const families = parseExposition(page, { format: "scrape" });
  expect(writePrometheusText(families)).toBe(
    '# HELP "a.b" x\n# TYPE "a.b" gauge\n{"a.b","c d"="\\"\\\\\\n"} 1\n# TYPE "é" untyped\n{"é"} 2\n',
  );
});
