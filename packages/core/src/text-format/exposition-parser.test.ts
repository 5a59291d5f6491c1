import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeriesDictionary } from "../series/index.ts";
import { createExpositionParser, type ExpositionFormat, parseExposition } from "./index.ts";

const formats = ["prometheus", "scrape", "openmetrics"] as const;

/** What a call gives, families or the whole message of the refusal. */
function outcome(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    return String(error);
  }
}

const table = JSON.parse(
  readFileSync(new URL("../../test/verdicts.json", import.meta.url), "utf8"),
) as Record<ExpositionFormat, { name: string; page: string; latin1?: boolean }[]>;

for (const format of formats) {
  test(`a ${format} parser judges every page of the table as if it had met no other`, () => {
    const parser = createExpositionParser({ format });
    const pages = table[format].map(({ page, latin1 }) => Buffer.from(page, latin1 ? "latin1" : "utf8"));
    for (const page of [...pages, ...pages, ...pages.toReversed()]) {
      expect(outcome(() => parser.parse(page))).toEqual(outcome(() => parseExposition(page, { format })));
    }
  });
}

/** Lines that differ in what surrounds them: type, order, spelling, numbers. */
const lines = [
  "# TYPE h histogram",
  "# TYPE h counter",
  "# TYPE h_seconds histogram",
  "# UNIT h_seconds seconds",
  "# HELP h Some\\nhelp.",
  "# HELP h_count Other help.",
  'h_bucket{le="1",a="x"} 1',
  'h_bucket{a="x",le="1"} 1',
  'h_bucket{le="1.0"} 1 5',
  'h_bucket{le="x"} 1',
  'h_bucket{le="+Inf"} 2',
  'h_bucket{le="+Inf"} -1',
  'h_bucket{le="+Inf"} 2 5',
  "h_sum -0.30000000000000004",
  "h_sum 0.5 1759761000000",
  "h_count 2",
  "h_count 2 1759761000.001",
  "h_count 9007199254740993 123456789012345678",
  "h 1e3",
  "h +1",
  "h NaN 1",
  "h 1 ",
  "h  1",
  "h\t1",
  'h {a="b"} 1',
  'h{a="b"}1',
  'h{a="\\"}"} 1',
  'h{a="é"} 1',
  'h{a="\xff"} 1',
  '{"h",a="b"} 1',
  'h{a="b"} 1 # {t="1"} 0.5',
  'h_bucket{le="+Inf"} 2 # {t="1"} 0.5',
  "h_seconds_total 1",
  "",
  "# EOF",
];

for (const format of formats) {
  test(`a ${format} parser gives for page after page what a fresh one gives`, () => {
    const page = fc.array(fc.constantFrom(...lines), { maxLength: 10 }).map((parts) => {
      const end = format === "openmetrics" ? "\n# EOF\n" : "\n";
      return Buffer.from(
        parts.join("\n") + end,
        parts.some((line) => line.includes("\xff")) ? "latin1" : "utf8",
      );
    });
    fc.assert(
      fc.property(fc.array(page, { maxLength: 6 }), (pages) => {
        const parser = createExpositionParser({ format, limits: { maxSeries: 6, maxLineBytes: 40 } });
        for (const one of [...pages, ...pages]) {
          const fresh = outcome(() =>
            parseExposition(one, { format, limits: { maxSeries: 6, maxLineBytes: 40 } }),
          );
          expect(outcome(() => parser.parse(one))).toEqual(fresh);
        }
      }),
      { numRuns: 300 },
    );
  });
}

/** Each kind of line that a real page has, in the three formats. */
const realPage = `# HELP go_gc_duration_seconds A summary of the wall-time pause.
# TYPE go_gc_duration_seconds summary
go_gc_duration_seconds{quantile="0"} 2.4566e-05
go_gc_duration_seconds{quantile="1"} 0.000306811
go_gc_duration_seconds_sum 0.000581803
go_gc_duration_seconds_count 6
# HELP node_cpu_seconds Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds gauge
node_cpu_seconds{cpu="0",mode="idle"} 13161.68 1759761000000
node_cpu_seconds{cpu="0",mode="user"} 1.8446744e+19 1759761000000
node_cpu_seconds{cpu="1",mode="idle"} 13180.24 1759761000000
node_cpu_seconds{cpu="1",mode="user"} NaN 1759761000000
# TYPE node_scrape_seconds histogram
node_scrape_seconds_bucket{collector="a\\\\b",le="0.5"} 3
node_scrape_seconds_bucket{collector="a\\\\b",le="+Inf"} 4
node_scrape_seconds_sum{collector="a\\\\b"} 1.5
node_scrape_seconds_count{collector="a\\\\b"} 4
# TYPE node_info gauge
node_info{machine="x86_64",release="6.12.0",text="naïve \\"x\\"\\n"} 1
`;
const pieces = [
  ...' \n\t#{}"\\,=_10-+.e:é\0',
  "le",
  "_sum",
  "# TYPE ",
  "1e+06",
  "+Inf",
  "node_info 1\n",
  "\xff",
];

interface Damage {
  readonly at: number;
  readonly cut: number;
  readonly piece: string;
}

function damaged(page: Buffer, { at, cut, piece }: Damage): Buffer {
  const start = Math.floor(at * page.length);
  const put = Buffer.from(piece, piece === "\xff" ? "latin1" : "utf8");
  return Buffer.concat([page.subarray(0, start), put, page.subarray(start + cut)]);
}

for (const format of formats) {
  test(`a ${format} parser that knows a page gives for its damaged copies what a fresh one gives`, () => {
    const page = Buffer.from(realPage + (format === "openmetrics" ? "# EOF\n" : ""));
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.integer({ min: 0, max: 3 }),
      piece: fc.constantFrom("", ...pieces),
    });
    const parser = createExpositionParser({ format });
    const intact = outcome(() => parser.parse(page));
    expect(intact).toBeInstanceOf(Array);
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), (damages) => {
        const broken = damages.reduce(damaged, page);
        const fresh = outcome(() => parseExposition(broken, { format }));
        expect(outcome(() => parser.parse(broken))).toEqual(fresh);
        expect(outcome(() => parser.parse(page))).toEqual(intact);
      }),
      { numRuns: 500 },
    );
  });
}

test("a number is read from its bytes as JavaScript reads its text", () => {
  const parser = createExpositionParser({ format: "prometheus" });
  parser.parse("a 0\n");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.double().map(String),
        fc.stringMatching(/^-?[0-9]{0,18}(\.[0-9]{0,18})?(e[+-]?[0-9]{0,3})?$/),
      ),
      (text) => {
        const page = `a ${text}\n`;
        const fresh = outcome(() => parseExposition(page, { format: "prometheus" }));
        expect(outcome(() => parser.parse(page))).toEqual(fresh);
      },
    ),
    { numRuns: 500 },
  );
});

test("equal series of two pages are the same object, also under another spelling", () => {
  const dictionary = createSeriesDictionary();
  const parser = createExpositionParser({ format: "prometheus", dictionary });
  const pages = ['a{b="1",c="2"} 1\nd 2\n', 'd 3\na{b="1",c="2"} 4\n', 'a{c="2",b="1"} 5\n'];
  const series = pages.flatMap((page) => parser.parse(page).flatMap((family) => family.series));
  expect(series.map(({ name }) => name)).toEqual(["a", "d", "d", "a", "a"]);
  expect(new Set(series).size).toBe(2);
  expect(dictionary.size).toBe(2);
});

test("series that no longer come are forgotten, and read again when they do", () => {
  const parser = createExpositionParser({ format: "scrape" });
  const label = "x".repeat(1000);
  const page = (from: number) =>
    Array.from({ length: 1000 }, (_, i) => `a{b="${label}${from + i}"} ${i}\n`).join("");
  const expected = parseExposition(page(0), { format: "scrape" });
  expect(parser.parse(page(0))).toEqual(expected);
  const series = parser.parse(page(0))[0]?.series[0];
  for (let n = 1; n < 20; n++) parser.parse(page(n * 1000));
  expect(parser.parse(page(0))[0]?.series[0]).not.toBe(series);
  expect(parser.parse(page(0))).toEqual(expected);
  expect(parser.parse(page(0))).toEqual(expected);
});

test("samples that are left out of a scraped page are told, on each page, also where their lines are known", () => {
  const told: string[] = [];
  const parser = createExpositionParser({ format: "scrape", onRepeated: ({ name }) => told.push(name) });
  for (let page = 0; page < 3; page++) parser.parse("a 1\nb 1\na 2\na 1 5\na 2 5\nb 1\n");
  expect(told).toEqual(new Array(3).fill(["a", "a", "b"]).flat());
});
