import type { MetricType } from "@promferry/core/series";
import { expect, test } from "vitest";
import type { DecodedSeriesV2 } from "../request-v2/decode.ts";
import { seriesFamilies } from "./series-families.ts";

const described = (name: string, type: MetricType, help = "Helps.", unit = ""): DecodedSeriesV2 => ({
  labels: [
    { name: "a", value: "1" },
    { name: "__name__", value: name },
  ],
  timestampsMs: [],
  values: [],
  histogramCount: 0,
  exemplars: [],
  metadata: { type, help, unit },
});

for (const { type, name, family } of [
  { type: "counter", name: "seen_total", family: "seen_total" },
  { type: "gauge", name: "a_count", family: "a_count" },
  { type: "histogram", name: "took_seconds_bucket", family: "took_seconds" },
  { type: "histogram", name: "took_seconds_sum", family: "took_seconds" },
  { type: "histogram", name: "took_seconds_count", family: "took_seconds" },
  { type: "histogram", name: "native_seconds", family: "native_seconds" },
  { type: "gaugehistogram", name: "queue_gcount", family: "queue" },
  { type: "summary", name: "took_seconds_sum", family: "took_seconds" },
  { type: "summary", name: "took_seconds", family: "took_seconds" },
  { type: "info", name: "build_info", family: "build" },
  { type: "stateset", name: "state", family: "state" },
] as const) {
  test(`a ${type} named ${name} is of the family ${family}`, () => {
    expect(seriesFamilies([described(name, type)])).toEqual([
      { name: family, type, help: "Helps.", unit: "" },
    ]);
  });
}

test("a family is named once, by the first series that describes it", () => {
  expect(
    seriesFamilies([
      described("took_bucket", "unknown", ""),
      described("took_bucket", "histogram", "First.", "seconds"),
      described("took_sum", "histogram", "Second."),
      described("", "gauge"),
      described("plain", "unknown", "Untyped."),
    ]),
  ).toEqual([
    { name: "took", type: "histogram", help: "First.", unit: "seconds" },
    { name: "plain", type: "unknown", help: "Untyped.", unit: "" },
  ]);
});
