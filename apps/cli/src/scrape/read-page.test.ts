import { expect, test } from "vitest";
import { serve } from "../../test/serve.ts";
import { createPageReader } from "./read-page.ts";

test("a page that is bad OpenMetrics whatever it is asked for is asked for twice, then it is an error", async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked++;
    const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.writeHead(200, { "content-type": type }).end('# TYPE a gauge\n# HELP a "x\na 1\n# EOF\n');
  });
  const reader = createPageReader({ maxSeries: 100, keepEmptyLabels: false });
  const read = () =>
    reader.read(url, { timeoutMs: 5_000, signal: AbortSignal.timeout(5_000), maxBytes: 10_000 });
  await expect(read()).rejects.toThrow("2:");
  expect(asked).toBe(2);
  await expect(read()).rejects.toThrow("2:");
  expect(asked).toBe(3);
});
