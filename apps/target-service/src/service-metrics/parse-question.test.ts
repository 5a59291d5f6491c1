import { expect, test } from "vitest";
import { metricsByName, usualMetrics } from "./metric-catalogue.ts";
import { type MetricsQuery, parseNames, parseRange } from "./parse-question.ts";

const NOW = Date.parse("2026-01-31T12:00:00Z");
const WINDOW = 120;

for (const { name, query, range } of [
  { name: "the last hour", query: {}, range: { fromMs: NOW - 3_600_000, toMs: NOW, stepMs: 30_000 } },
  {
    name: "times in either spelling",
    query: { from: "2026-01-31T11:00:00Z", to: `${NOW - 60_000}`, step: "60" },
    range: { fromMs: NOW - 3_600_000, toMs: NOW - 60_000, stepMs: 60_000 },
  },
  {
    name: "a step that does not divide the time: the last point is at its end",
    query: { from: `${NOW - 100_000}`, step: "45" },
    range: { fromMs: NOW - 90_000, toMs: NOW, stepMs: 45_000 },
  },
  {
    name: "no future",
    query: { from: `${NOW - 60_000}`, to: "2027-01-01T00:00:00Z", step: "60" },
    range: { fromMs: NOW - 60_000, toMs: NOW, stepMs: 60_000 },
  },
  {
    name: "a month in as many points as an hour",
    query: { from: `${NOW - 30 * 86_400_000}` },
    range: { fromMs: NOW - 30 * 86_400_000, toMs: NOW, stepMs: 10_800_000 },
  },
  {
    name: "11,000 points and no more",
    query: { from: `${NOW - 10_999 * 30_000}`, step: "30" },
    range: { fromMs: NOW - 10_999 * 30_000, toMs: NOW, stepMs: 30_000 },
  },
] as readonly { name: string; query: MetricsQuery; range: object }[]) {
  test(`a range may be ${name}`, () => {
    expect(parseRange(query, NOW, WINDOW)).toEqual(range);
  });
}

for (const [query, says] of [
  [{ from: "yesterday" }, "from: expected milliseconds"],
  [{ from: "-1" }, "from: expected milliseconds"],
  [{ to: "2026-01-31" }, "to: expected milliseconds"],
  [{ from: "2026-13-31T12:00:00Z" }, "from: expected milliseconds"],
  [{ from: `${NOW}` }, "before to"],
  [{ from: `${NOW + 1}`, to: `${NOW + 9_000_000}` }, "before now"],
  [{ from: "0" }, "400 days"],
  [{ step: "0" }, "whole seconds"],
  [{ step: "1.5" }, "whole seconds"],
  [{ step: "29" }, "at least 30 s"],
  [{ step: "3601" }, "from from to to"],
  [{ from: `${NOW - 11_000 * 30_000}`, step: "30" }, "at least 31 s"],
] as readonly (readonly [MetricsQuery, string])[]) {
  test(`the range ${JSON.stringify(query)} is refused`, () => {
    expect(() => parseRange(query, NOW, WINDOW)).toThrow(says);
  });
}

test("names are those of the level, each once; without any, those of the first design", () => {
  const known = metricsByName("acme", "service");
  const usual = usualMetrics("acme", "service");
  expect(usual.every((name) => known.has(name))).toBe(true);
  expect(parseNames(undefined, known, usual)).toBe(usual);
  const [cpu, memory] = usual;
  expect(parseNames(`${memory},${cpu},${memory}`, known, usual)).toEqual([memory, cpu]);
  for (const names of ["", "up", "acme_instance_cpu_usage_percent", `${cpu},`, "__proto__"]) {
    expect(() => parseNames(names, known, usual)).toThrow("names: expected some of acme_service_cpu");
  }
});
