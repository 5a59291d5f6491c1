import { expect, test } from "vitest";
import { type ExpositionFormat, parseExposition, writeOpenMetrics } from "./index.ts";

function convert(page: string, format: ExpositionFormat): string {
  const text = writeOpenMetrics(parseExposition(page, { format }));
  expect(writeOpenMetrics(parseExposition(text, { format: "openmetrics" }))).toBe(text);
  return text;
}

for (const { name, page, text } of [
  {
    name: "an export with several times becomes one metric after the other, in order of time",
    page: `# TYPE h histogram
h_sum{a="1"} 3 2000
h_count{a="1"} 2 2000
h_bucket{a="1",le="+Inf"} 2 2000
h_bucket{a="1",le="5"} 1 2000
h_bucket{a="2",le="+Inf"} 0 1000
h_bucket{a="1",le="+Inf"} 1 1000
h_bucket{a="1",le="5"} 1 1000
`,
    text: `# TYPE h histogram
h_bucket{a="1",le="5.0"} 1 1
h_bucket{a="1",le="+Inf"} 1 1
h_bucket{a="1",le="5.0"} 1 2
h_bucket{a="1",le="+Inf"} 2 2
h_sum{a="1"} 3 2
h_count{a="1"} 2 2
h_bucket{a="2",le="+Inf"} 0 1
# EOF
`,
  },
  {
    name: "counters get _total, and a _created gauge joins them",
    page: '# HELP a_created "When".\n# TYPE a_created gauge\na_created{x="1"} 5\n# TYPE a counter\na{x="1"} 1\n# TYPE b_total counter\nb_total 2\n',
    text: '# TYPE a counter\na_total{x="1"} 1\na_created{x="1"} 5\n# TYPE b counter\nb_total 2\n# EOF\n',
  },
  {
    name: "a counter gives way to a gauge of its base name",
    page: "# TYPE a_total counter\na_total 1\n# HELP a Now.\n# TYPE a gauge\na 2\n",
    text: "# TYPE a_total unknown\na_total 1\n# TYPE a gauge\n# HELP a Now.\na 2\n# EOF\n",
  },
  {
    name: "a histogram gives way to a gauge of one of its names",
    page: '# TYPE h_count gauge\nh_count 9\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 2\n',
    text: '# TYPE h_count gauge\nh_count 9\n# TYPE h_bucket unknown\nh_bucket{le="+Inf"} 1\n# TYPE h_sum unknown\nh_sum 2\n# EOF\n',
  },
  {
    name: "samples that a type does not allow become unknown ones",
    page: '# TYPE h histogram\nh 1\n# TYPE s summary\ns 2\ns{quantile="1"} 3\n',
    text: '# TYPE h unknown\nh 1\n# TYPE s unknown\ns 2\ns{quantile="1.0"} 3\n# EOF\n',
  },
  {
    name: "families without samples keep their metadata",
    page: "# HELP a_total Later.\n# TYPE a_total counter\n",
    text: "# TYPE a counter\n# HELP a Later.\n# EOF\n",
  },
  {
    name: "quotes, backslashes and line feeds are escaped in HELP and labels",
    page: '# HELP a "\\\\\\n\n# TYPE a gauge\na{b="\\"\\\\\\n"} 1\n',
    text: '# TYPE a gauge\n# HELP a \\"\\\\\\n\na{b="\\"\\\\\\n"} 1\n# EOF\n',
  },
]) {
  test(name, () => {
    expect(convert(page, "scrape")).toBe(text);
  });
}

test("what OpenMetrics alone knows comes back as it was", () => {
  const page = `# TYPE a_s counter
# UNIT a_s s
# HELP a_s Things.
a_s_total{x="1"} 5 1.5 # {t="1"} 0.5 1.25
a_s_created{x="1"} 1 1.5
# TYPE i info
i_info{version="1"} 1
# TYPE st stateset
st{st="a"} 1
st{st="b"} 0
# TYPE gh gaugehistogram
gh_bucket{le="1.0"} 1
gh_bucket{le="+Inf"} 1 # {} 3
gh_gcount 1
gh_gsum 3
# EOF
`;
  expect(convert(page, "openmetrics")).toBe(page);
});

test("an exemplar that is too long or out of place is left out", () => {
  const [family] = parseExposition("a_total 1\n", { format: "scrape" });
  const long = { labels: [{ name: "t", value: "x".repeat(128) }], value: 1, timestampMs: NaN };
  const counter = {
    ...family!,
    name: "a_total",
    type: "counter",
    exemplars: new Map([[0, [long]]]),
  } as const;
  expect(writeOpenMetrics([counter])).toBe("# TYPE a counter\na_total 1\n# EOF\n");
  const short = { ...long, labels: [] };
  expect(writeOpenMetrics([{ ...counter, type: "gauge", exemplars: new Map([[0, [short]]]) }])).toBe(
    "# TYPE a_total gauge\na_total 1\n# EOF\n",
  );
});
