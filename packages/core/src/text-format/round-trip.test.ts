import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeriesDictionary, type SeriesDictionary } from "../series/index.ts";
import type { Exemplar, Label, MetricFamily, MetricType, Series } from "../series/series.ts";
import { formatCanonical, parseExposition, writeOpenMetrics, writePrometheusText } from "./index.ts";

interface Draft {
  readonly type: MetricType;
  readonly help: string;
  readonly label: string;
  readonly points: readonly {
    readonly labelValue: string;
    readonly value: number;
    readonly timestampMs: number;
  }[];
}

const character = fc.constantFrom("\\", '"', "\n", "{", "}", ",", "=", "#", " ", "é", "😀", "\0", "x");
const text = fc.string({ unit: character, maxLength: 8 });
const timestamp = fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 }), { nil: NaN });

const drafts = fc.array(
  fc.record<Draft>({
    type: fc.constantFrom("counter", "gauge", "histogram", "summary", "unknown"),
    // The text format drops blanks before a help text.
    help: text.map((help) => help.replace(/^ +/, "")),
    label: fc.constantFrom("a", "le", "quantile", "_z"),
    points: fc.array(fc.record({ labelValue: text, value: fc.double(), timestampMs: timestamp }), {
      maxLength: 4,
    }),
  }),
  { maxLength: 5 },
);

/** One sample name for each type; bounds are numbers in canonical form. */
function families(list: readonly Draft[], suffixes: Partial<Record<MetricType, string>>): MetricFamily[] {
  const dictionary = createSeriesDictionary();
  return list.map(({ type, help, label, points }, i) => {
    const name = `m${i}`;
    const isBound = (label === "le" && type === "histogram") || (label === "quantile" && type === "summary");
    const rows = new Map<Series, Draft["points"][number]>();
    points.forEach((point, row) => {
      const labels: Label[] = [{ name: label, value: isBound ? `${row}.5` : point.labelValue }];
      rows.set(dictionary.intern(name + (suffixes[type] ?? ""), labels), point);
    });
    const kept = [...rows.values()];
    return {
      name,
      type,
      help,
      unit: "",
      series: [...rows.keys()],
      values: kept.map(({ value }) => (type === "histogram" || type === "counter" ? size(value) : value)),
      timestampsMs: kept.map((point) => point.timestampMs),
    };
  });
}

/** Counts are neither negative nor, in OpenMetrics, NaN. */
function size(value: number): number {
  return Math.abs(value) || 0;
}

for (const format of ["prometheus", "scrape"] as const) {
  test(`${format}: parse(write(x)) is x`, () => {
    fc.assert(
      fc.property(drafts, (list) => {
        const before = families(list, { histogram: "_bucket" });
        expect(parseExposition(writePrometheusText(before), { format })).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
}

test("openmetrics: parse(write(x)) is x, where x keeps to the rules", () => {
  const lawful = drafts.map((list) =>
    list
      .filter(({ type }) => type !== "histogram" && type !== "summary")
      .map((draft) => ({ ...draft, label: "a" })),
  );
  fc.assert(
    fc.property(lawful, (list) => {
      const before = families(list, { counter: "_total" });
      expect(parseExposition(writeOpenMetrics(before), { format: "openmetrics" })).toEqual(before);
    }),
    { numRuns: 200 },
  );
});

/** Points of one metric that keeps to OpenMetrics' rules, as rows: suffix, own label, value. */
type Row = readonly [suffix: string, own: Label | undefined, value: number];

const amount = fc.double({ noNaN: true, min: 0, noDefaultInfinity: true }).map((value) => value + 0);
const increments = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 4 });
const created = fc.option(amount, { nil: undefined });

function rowsOf(type: MetricType, name: string): fc.Arbitrary<readonly Row[]> {
  const own = (label: string, value: string): Label => ({ name: label, value });
  const withCreated = (rows: Row[], at: number | undefined): Row[] =>
    at === undefined ? rows : [...rows, ["_created", undefined, at]];
  const buckets = (counts: readonly number[]): Row[] => {
    let total = 0;
    return counts.map((count, i) => {
      total += count;
      return ["_bucket", own("le", i === counts.length - 1 ? "+Inf" : formatCanonical(i / 2)), total];
    });
  };
  switch (type) {
    case "counter":
      return fc.tuple(amount, created).map(([value, at]) => withCreated([["_total", undefined, value]], at));
    case "histogram":
      return fc.tuple(increments, amount, created).map(([counts, sum, at]) => {
        const rows = buckets(counts);
        return withCreated([...rows, ["_sum", undefined, sum], ["_count", undefined, rows.at(-1)![2]]], at);
      });
    case "gaugehistogram":
      return fc.tuple(increments, amount).map(([counts, sum]) => {
        const rows = buckets(counts);
        return [...rows, ["_gsum", undefined, sum], ["_gcount", undefined, rows.at(-1)![2]]] as const;
      });
    case "summary":
      return fc
        .tuple(fc.uniqueArray(fc.constantFrom(0, 0.5, 0.99, 1)), amount, fc.nat(), created)
        .map(([quantiles, sum, count, at]) => {
          const rows = quantiles.map((q): Row => ["", own("quantile", formatCanonical(q)), sum]);
          return withCreated([...rows, ["_sum", undefined, sum], ["_count", undefined, count]], at);
        });
    case "info":
      return fc.constant([["_info", undefined, 1]] as const);
    case "stateset":
      return fc.boolean().map(
        (isOn) =>
          [
            ["", own(name, "off"), isOn ? 0 : 1],
            ["", own(name, "on"), isOn ? 1 : 0],
          ] as const,
      );
    default:
      return fc.double().map((value) => [["", undefined, value]] as const);
  }
}

const exemplar = fc.record<Exemplar>({
  labels: text.map((value) => (value === "" ? [] : [{ name: "id", value }])),
  value: fc.constant(0),
  timestampMs: timestamp,
});

/** A family of any type: some metrics, each at one time or none, with exemplars where they may be. */
function lawfulFamily(i: number): fc.Arbitrary<(dictionary: SeriesDictionary) => MetricFamily> {
  const types: MetricType[] = [
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
  ];
  return fc.constantFrom(...types).chain((type) => {
    const hasUnit = type !== "info" && type !== "stateset";
    const name = hasUnit ? `m${i}_seconds` : `m${i}`;
    const metric = fc.record({
      label: text,
      timestampMs: timestamp,
      rows: rowsOf(type, name),
      exemplar: fc.option(exemplar, { nil: undefined }),
    });
    return fc
      .record({
        help: text,
        unit: fc.constantFrom("", ...(hasUnit ? ["seconds"] : [])),
        metrics: fc.uniqueArray(metric, { maxLength: 3, selector: ({ label }) => label }),
      })
      .map(({ help, unit, metrics }) => (dictionary) => {
        const rows = metrics.flatMap(({ label, timestampMs, rows: points, exemplar: shown }) =>
          points.map(([suffix, own, value]) => ({
            series: dictionary.intern(name + suffix, [{ name: "a", value: label }, ...(own ? [own] : [])]),
            value,
            timestampMs,
            shown: suffix === "_total" || suffix === "_bucket" ? shown : undefined,
          })),
        );
        const exemplars = new Map(rows.flatMap(({ shown }, row) => (shown ? [[row, [shown]] as const] : [])));
        return {
          name,
          type,
          help,
          unit,
          series: rows.map(({ series }) => series),
          values: rows.map(({ value }) => value),
          timestampsMs: rows.map(({ timestampMs }) => timestampMs),
          ...(exemplars.size > 0 && { exemplars }),
        };
      });
  });
}

test("openmetrics: parse(write(x)) is x for every type, with units, exemplars and times of creation", () => {
  const page = fc.tuple(lawfulFamily(0), lawfulFamily(1), lawfulFamily(2));
  fc.assert(
    fc.property(page, (list) => {
      const dictionary = createSeriesDictionary();
      const before = list.map((build) => build(dictionary));
      const written = writeOpenMetrics(before);
      expect(parseExposition(written, { format: "openmetrics" })).toEqual(before);
    }),
    { numRuns: 300 },
  );
});

test("scrape takes what the writer makes of any name", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: character, minLength: 1 }),
      fc.string({ unit: character, minLength: 1 }),
      (name, label) => {
        const series = createSeriesDictionary().intern(name, [{ name: label, value: "1" }]);
        const family = {
          name,
          type: "gauge",
          help: "",
          unit: "",
          series: [series],
          values: [1],
          timestampsMs: [5],
        } as const;
        expect(parseExposition(writePrometheusText([family]), { format: "scrape" })).toEqual([family]);
      },
    ),
    { numRuns: 200 },
  );
});

test("any bytes are read or refused with a position inside the page", () => {
  const pieces = fc.constantFrom(
    "# TYPE ",
    "# HELP ",
    "a",
    "_bucket",
    '{le="',
    '"',
    "}",
    " ",
    "1",
    "\n",
    "\\",
    "\xff",
    "# EOF\n",
    "histogram",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      for (const format of ["prometheus", "scrape", "openmetrics"] as const) {
        try {
          parseExposition(bytes, { format });
        } catch (error) {
          expect(error).toMatchObject({ name: "ExpositionError" });
          const { line, column } = error as { line: number; column: number };
          const lines = bytes.toString("utf8").split("\n");
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual(bytes.length + 1);
        }
      }
    }),
    { numRuns: 500 },
  );
});
