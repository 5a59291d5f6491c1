import { expect, test } from "vitest";
import { createSeriesDictionary } from "../series/index.ts";
import type { MetricFamily } from "../series/series.ts";
import { type ExpositionError, type ParseOptions, parseExposition } from "./index.ts";

/** Families as short lines: what each holds, in order. */
function outline(families: readonly MetricFamily[]): unknown[] {
  return families.map(({ name, type, help, unit, series, values, timestampsMs }) => [
    [name, type, help, unit].join("|"),
    ...series.map(
      (s, i) =>
        `${s.name}{${s.labels.map((l) => `${l.name}=${l.value}`).join()}} ${values[i]} ${timestampsMs[i]}`,
    ),
  ]);
}

function refusal(page: string | Uint8Array, options: ParseOptions): string {
  try {
    parseExposition(page, options);
    return "taken";
  } catch (error) {
    return (error as ExpositionError).message;
  }
}

const histogram = `# HELP h Time \\\\ "here".\\nOr there.
# TYPE h histogram
h_bucket{le="1",a="é"} 1 1759761000001
h_bucket{a="é",le="+Inf"} 2 1759761000001
h_sum{a="é"} 0.5 1759761000001
h_count{a="é",b=""} 2 1759761000001
`;

test("prometheus gives families with their samples in columns, labels sorted and empty ones left out", () => {
  expect(outline(parseExposition(histogram, { format: "prometheus" }))).toEqual([
    [
      'h|histogram|Time \\ "here".\nOr there.|',
      "h_bucket{a=é,le=1} 1 1759761000001",
      "h_bucket{a=é,le=+Inf} 2 1759761000001",
      "h_sum{a=é} 0.5 1759761000001",
      "h_count{a=é} 2 1759761000001",
    ],
  ]);
});

test("scrape gives le as Prometheus stores it", () => {
  const [family] = parseExposition(histogram, { format: "scrape" });
  expect(family?.series[0]?.labels).toEqual([
    { name: "a", value: "é" },
    { name: "le", value: "1.0" },
  ]);
});

test("scrape groups samples by metadata wherever it stands, and the last TYPE counts", () => {
  const page = `h_sum 1\nc_total 2\nh_bucket{le="2"} 3\nx 4\n# TYPE c counter\n# TYPE h gauge\n# HELP h Late.\n# TYPE h histogram\n`;
  expect(outline(parseExposition(page, { format: "scrape" }))).toEqual([
    ["h|histogram|Late.|", "h_sum{} 1 NaN", "h_bucket{le=2} 3 NaN"],
    ["c|counter||", "c_total{} 2 NaN"],
    ["x|unknown||", "x{} 4 NaN"],
  ]);
});

test("scrape keeps the first sample of a series at one time", () => {
  const page =
    'a{b="1",c="2"} 1\na{c="2",b="1"} 2\na{b="1",c="2"} 3 5\na{b="1",c="2"} 4 6\na{b="1",c="2"} 5 5\n';
  expect(outline(parseExposition(page, { format: "scrape" }))).toEqual([
    ["a|unknown||", "a{b=1,c=2} 1 NaN", "a{b=1,c=2} 3 5", "a{b=1,c=2} 4 6"],
  ]);
});

test("openmetrics gives milliseconds, units and exemplars", () => {
  const page = `# TYPE a_seconds counter
# UNIT a_seconds seconds
# HELP a_seconds Say \\"x\\", \\x.
a_seconds_total{x="1"} 5 1759761000.001 # {b="2",a="1"} 0.5 1759761000.0006
a_seconds_created{x="1"} 1759760000.5 1759761000.001
# EOF
`;
  const families = parseExposition(page, { format: "openmetrics" });
  expect(outline(families)).toEqual([
    [
      'a_seconds|counter|Say "x", \\x.|seconds',
      "a_seconds_total{x=1} 5 1759761000001",
      "a_seconds_created{x=1} 1759760000.5 1759761000001",
    ],
  ]);
  expect([...(families[0]?.exemplars ?? [])]).toEqual([
    [
      0,
      [
        {
          labels: [
            { name: "a", value: "1" },
            { name: "b", value: "2" },
          ],
          value: 0.5,
          timestampMs: 1759761000001,
        },
      ],
    ],
  ]);
});

test("openmetrics gives one sample for two times within a millisecond", () => {
  const page = "a 1 5.0001\na 2 5.0002\na 3 5.001\n# EOF\n";
  expect(outline(parseExposition(page, { format: "openmetrics" }))).toEqual([
    ["a|unknown||", "a{} 1 5000", "a{} 3 5001"],
  ]);
});

test("families without samples are kept", () => {
  const page = "# HELP a Later.\n# TYPE a counter\n";
  for (const format of ["prometheus", "scrape"] as const) {
    expect(outline(parseExposition(page, { format }))).toEqual([["a|counter|Later.|"]]);
  }
});

test("pages read with one dictionary share their series", () => {
  const dictionary = createSeriesDictionary();
  const options = { format: "prometheus", dictionary } as const;
  const [first] = parseExposition('a{b="1",c="2"} 1\n', options);
  const [second] = parseExposition('a{c="2",b="1"} 2\n', options);
  expect(second?.series[0]).toBe(first?.series[0]);
  expect(dictionary.size).toBe(1);
});

test("a view into a larger buffer is read alone", () => {
  const bytes = new TextEncoder().encode("x 0\na 1\nx 2\n").subarray(4, 8);
  expect(outline(parseExposition(bytes, { format: "prometheus" }))).toEqual([["a|unknown||", "a{} 1 NaN"]]);
});

for (const { name, page, options, message } of [
  {
    name: "counts columns in characters",
    page: 'ok 1\na{b="é😀"} x\n',
    options: { format: "prometheus" },
    message: '2:11: expected a number, got "x"',
  },
  {
    name: "counts lines over a line feed inside a value",
    page: 'a{b="1\n2"} 1\nc\n',
    options: { format: "scrape" },
    message: "3:2: expected a value after the name, got the end of the line",
  },
  {
    name: "shows at most 40 characters",
    page: `a ${"é".repeat(50)}\n`,
    options: { format: "prometheus" },
    message: `1:3: expected a number, got "${"é".repeat(40)}"…`,
  },
  {
    name: "shows what can't be seen, such as a byte order mark",
    page: "\ufeffa 1\n",
    options: { format: "prometheus" },
    message: String.raw`1:1: expected a metric name, got "\ufeffa 1"`,
  },
  {
    name: "gives no terminal what it would obey",
    page: "a \u009b31m\u202e\u2028\u00a0\u{e0001}\u001b é😀\n",
    options: { format: "prometheus" },
    message: String.raw`1:3: expected a number, got "\u009b31m\u202e\u2028\u00a0\u{e0001}\u001b é😀"`,
  },
  {
    name: "points at a histogram's first line",
    page: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2"} 1\nb 1\n# EOF\n',
    options: { format: "openmetrics" },
    message: '2:1: expected a bucket with le="+Inf" in the histogram, got "h_bucket{le=\\"1\\"} 1"',
  },
  {
    name: "points at the byte that is no UTF-8",
    page: Uint8Array.of(0x61, 0x7b, 0x62, 0x3d, 0x22, 0xc3, 0xa9, 0xff, 0x22, 0x7d),
    options: { format: "prometheus" },
    message: '1:7: expected UTF-8 in the label value, got "\ufffd\\"}"',
  },
  {
    name: "refuses a line that is too long",
    page: "a 1\nabc 12345\n",
    options: { format: "scrape", limits: { maxLineBytes: 8 } },
    message: "2:1: expected a line of at most 8 bytes, got 9",
  },
  {
    name: "counts line feeds in a quoted value as a part of the line",
    page: 'a 1\na{b="\n\n56789"} 1\n',
    options: { format: "scrape", limits: { maxLineBytes: 11 } },
    message: "2:1: expected a line of at most 11 bytes, got 12",
  },
  {
    name: "counts what stands behind such a value as a part of the line",
    page: 'a{b="\n"} 1234567\n',
    options: { format: "scrape", limits: { maxLineBytes: 15 } },
    message: "1:1: expected a line of at most 15 bytes, got 16",
  },
  {
    name: "refuses too many labels",
    page: 'a{b="",c="",d=""} 1\n',
    options: { format: "prometheus", limits: { maxLabels: 2 } },
    message: '1:13: expected at most 2 labels, got "d=\\"\\"} 1"',
  },
  {
    name: "refuses a name that is too long",
    page: "abcde 1\n# EOF\n",
    options: { format: "openmetrics", limits: { maxNameBytes: 4 } },
    message: '1:1: expected a name of at most 4 bytes, got "abcde 1"',
  },
  {
    name: "refuses too many series",
    page: "a 1\nb 1\nc 1\n",
    options: { format: "scrape", limits: { maxSeries: 2 } },
    message: '3:1: expected at most 2 series, got "c 1"',
  },
] satisfies { name: string; page: string | Uint8Array; options: ParseOptions; message: string }[]) {
  test(`a refusal ${name}`, () => {
    expect(refusal(page, options)).toBe(message);
  });
}

test("a format that does not exist is the caller's mistake", () => {
  const options = { format: "json" } as unknown as ParseOptions;
  expect(() => parseExposition("", options)).toThrow(TypeError);
});
