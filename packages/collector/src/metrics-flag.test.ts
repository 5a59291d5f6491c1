import { expect, test } from "vitest";
import { METRICS_FLAG, takeMetricsFlag } from "./metrics-flag.ts";

for (const { argv, flag, rest } of [
  { argv: [], flag: false, rest: [] },
  { argv: ["pods"], flag: false, rest: ["pods"] },
  { argv: ["pods", METRICS_FLAG, "-v"], flag: true, rest: ["pods", "-v"] },
  { argv: [METRICS_FLAG, METRICS_FLAG], flag: true, rest: [] },
  { argv: ["exec", "--", METRICS_FLAG], flag: false, rest: ["exec", "--", METRICS_FLAG] },
  { argv: [METRICS_FLAG, "--", METRICS_FLAG], flag: true, rest: ["--", METRICS_FLAG] },
]) {
  test(`${JSON.stringify(argv)} ${flag ? "has" : "hasn't"} the flag`, () => {
    expect(takeMetricsFlag(argv)).toEqual({ flag, rest });
  });
}
