import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCanonical, formatValue, parseInt64, parseNumber } from "./number.ts";

test("every double comes back from its text", () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(parseNumber(formatValue(value))).toBe(value);
      expect(parseNumber(formatCanonical(value))).toBe(value === 0 ? 0 : value);
    }),
  );
});

for (const [value, text, canonical] of [
  [0, "0", "0.0"],
  [-0, "-0", "0.0"],
  [1, "1", "1.0"],
  [10, "10", "10.0"],
  [0.005, "0.005", "0.005"],
  [0.0001, "0.0001", "0.0001"],
  [0.00001, "0.00001", "1e-05"],
  [100000, "100000", "100000.0"],
  [1e6, "1000000", "1e+06"],
  [1234567.5, "1234567.5", "1.2345675e+06"],
  [1e23, "1e+23", "1e+23"],
  [5e-324, "5e-324", "5e-324"],
  [Infinity, "+Inf", "+Inf"],
  [-Infinity, "-Inf", "-Inf"],
  [NaN, "NaN", "NaN"],
] as const) {
  test(`${text} is the value's text and ${canonical} its canonical one`, () => {
    expect([formatValue(value), formatCanonical(value)]).toEqual([text, canonical]);
  });
}

for (const [text, value] of [
  ["+5", 5],
  [".5", 0.5],
  ["5.", 5],
  ["1E3", 1000],
  ["0042", 42],
  ["1e-999", 0],
  ["-INFINITY", -Infinity],
  ["nAn", NaN],
  ["1e999", undefined],
  ["+NaN", undefined],
  ["0x1", undefined],
  ["1_0", undefined],
  ["1e", undefined],
  [".", undefined],
  ["", undefined],
  [" 1", undefined],
] as const) {
  test(`the number in ${JSON.stringify(text)} is ${value}`, () => {
    expect(parseNumber(text)).toBe(value);
  });
}

for (const [text, value] of [
  ["-5", -5],
  ["+5", 5],
  ["9223372036854775807", 2 ** 63],
  ["9223372036854775808", undefined],
  ["-9223372036854775808", -(2 ** 63)],
  ["-9223372036854775809", undefined],
  [`${"0".repeat(400)}7`, 7],
  ["9".repeat(400), undefined],
  ["1.5", undefined],
  ["", undefined],
] as const) {
  test(`the integer in ${text.slice(0, 20)} (${text.length} digits) is ${value}`, () => {
    expect(parseInt64(text)).toBe(value);
  });
}
