import { expect, test } from "vitest";
import { parseRetryAfter } from "./retry-after.ts";

const now = Date.UTC(2025, 9, 6, 12, 0, 0);

for (const { value, expected } of [
  { value: "0", expected: 0 },
  { value: "120", expected: 120_000 },
  { value: " 5 ", expected: 5000 },
  { value: "1.5", expected: 1500 },
  { value: "Mon, 06 Oct 2025 12:00:10 GMT", expected: 10_000 },
  { value: "Monday, 06-Oct-25 12:00:10 GMT", expected: 10_000 },
  { value: "Mon Oct  6 12:00:10 2025", expected: 10_000 },
  { value: "Mon, 06 Oct 2025 11:59:00 GMT", expected: 0 },
  { value: "9".repeat(400), expected: Number.MAX_SAFE_INTEGER },
  { value: "", expected: undefined },
  { value: null, expected: undefined },
  { value: undefined, expected: undefined },
  { value: "-1", expected: undefined },
  { value: "soon", expected: undefined },
  { value: "2025-10-06", expected: undefined },
  { value: "Xxx, 99 Abc 2025 99:00:10 GMT", expected: undefined },
]) {
  test(`parseRetryAfter reads ${JSON.stringify(value)?.slice(0, 40)} as ${expected}`, () => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
}
