import { expect, test } from "vitest";
import { acceptHeader, pageFormat } from "./page-format.ts";

test("protobuf is asked for first, then OpenMetrics, then text, and in none are names to come unescaped", () => {
  expect(acceptHeader(["protobuf", "openmetrics", "scrape"])).toBe(
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7," +
      "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
  );
  expect(acceptHeader(["scrape"])).toBe("text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
});

const protobuf = "application/vnd.google.protobuf";
for (const { type, format } of [
  { type: "", format: "scrape" },
  { type: "text/plain", format: "scrape" },
  { type: "Text/Plain; version=0.0.4; charset=utf-8; escaping=values", format: "scrape" },
  { type: "application/openmetrics-text; version=1.0.0", format: "openmetrics" },
  {
    type: `${protobuf}; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8`,
    format: "protobuf",
  },
  { type: `${protobuf};encoding=delimited;proto=io.prometheus.client.MetricFamily`, format: "protobuf" },
]) {
  test(`${type || "no content type"} is ${format}`, () => {
    expect(pageFormat(type)).toBe(format);
  });
}

for (const type of [
  "text/html; charset=utf-8",
  "application/json",
  "text/plainer",
  protobuf,
  `${protobuf}; proto=io.prometheus.client.MetricFamily; encoding=text`,
  `${protobuf}; proto=io.prometheus.write.v2.Request; encoding=delimited`,
]) {
  test(`${type} is no page of metrics, and the error says what was expected`, () => {
    expect(() => pageFormat(type)).toThrow(
      `the page's Content-Type is ${JSON.stringify(type)}; expected text/plain, application/openmetrics-text, or protobuf's`,
    );
  });
}
