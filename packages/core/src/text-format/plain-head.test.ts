import fc from "fast-check";
import { expect, test } from "vitest";
import { ExpositionError, parseExposition } from "./index.ts";

const label = fc.constantFrom(
  ...['a="b"', 'b=""', 'le="1"', 'le="+Inf"', 'le="x"', 'quantile="0.50"', 'a="c,d}"', 'c="{\'"', 'zone="é"'],
  ...[
    'x="q\\"\\n"',
    '__name__="d"',
    ' a = "b"',
    'e="\0"',
    '"a.b"="c"',
    '"a.b"',
    "a",
    'a="b" ',
    "",
    'f="\x80"',
  ],
);
const braces = fc.oneof(
  fc.constantFrom("", "", "{}", " ", "{", '{a="b"}x'),
  fc.array(label, { maxLength: 4 }).map((labels) => `{${labels.join(",")}}`),
);
const number = fc.constantFrom("1", "-1", "2.5", "NaN", "+Inf", "0x1", "", "1_0", "9007199254740993", ".5e3");
const time = fc.constantFrom("", "", " 5", " 1759761000000", "  6", " -5", " 1.5", " x");
const sample = fc
  .tuple(fc.constantFrom("a", "h_bucket", "h_count", "s", "é", "x:y", "1"), braces, number, time)
  .map(([name, set, value, at]) => `${name}${set} ${value}${at}`);
const line = fc.oneof(
  { weight: 6, arbitrary: sample },
  fc.constantFrom("# TYPE h histogram", "# TYPE s summary", "# HELP a Help.", "# TYPE a counter", ""),
);

for (const format of ["prometheus", "scrape"] as const) {
  test(`${format}: a line of the plain form means what it means behind a blank, where each byte is judged`, () => {
    const limits = { maxNameBytes: 9, maxLabels: 3, maxSeries: 6, maxLineBytes: 60 };
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.boolean(), (lines, isLimited) => {
        const outcome = (before: string, more: number) => {
          const page = lines.map((each) => `${before}${each}\n`).join("");
          try {
            const own = { ...limits, maxLineBytes: limits.maxLineBytes + more };
            return parseExposition(page, { format, ...(isLimited && { limits: own }) });
          } catch (error) {
            if (!(error instanceof ExpositionError)) throw error;
            return `${error.line}: ${error.code}`;
          }
        };
        expect(outcome("", 0)).toEqual(outcome(" ", 1));
      }),
      { numRuns: 4000 },
    );
  });
}
