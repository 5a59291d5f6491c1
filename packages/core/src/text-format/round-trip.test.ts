import fc from "fast-check";
import { expect, test } from "vitest";
import { createSeriesDictionary } from "../series/index.ts";
import type { Label, MetricFamily, MetricType, Series } from "../series/series.ts";
import { parseExposition, writeOpenMetrics, writePrometheusText } from "./index.ts";

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
