import { expect, test } from "vitest";
import { serve } from "../../test/serve.ts";
import { createPageReader } from "./read-page.ts";
import { createScrapeFetch } from "./scrape-fetch.ts";

const client = { fetch: createScrapeFetch() };

test("a target whose OpenMetrics was bad is asked for text for an hour, and then again for OpenMetrics", async () => {
  const asked: string[] = [];
  const url = await serve(({ headers: { accept = "" } }, response) => {
    const type = accept.includes("openmetrics") ? "application/openmetrics-text" : "text/plain";
    asked.push(type);
    // From its 62nd answer on it is mended.
    const end = asked.length > 61 ? "# EOF\n" : "";
    response.writeHead(200, { "content-type": type }).end(`a 1\n${end}`);
  });
  const reader = createPageReader({ limits: {}, keepEmptyLabels: false });
  for (let i = 0; i < 63; i++) {
    const signal = AbortSignal.timeout(5_000);
    expect(await reader.read(url, { timeoutMs: 5_000, signal, maxBytes: 10_000, client })).toMatchObject({
      families: [{}],
    });
  }
  const [bad, ...others] = asked;
  expect(bad).toBe("application/openmetrics-text");
  expect(others.slice(0, 60)).toEqual(new Array(60).fill("text/plain"));
  expect(others.slice(60)).toEqual([...new Array(3)].map(() => "application/openmetrics-text"));
});

test("protobuf is asked for where native histograms are wanted, and not where they are not", async () => {
  const asked: boolean[] = [];
  const url = await serve(({ headers: { accept = "" } }, response) => {
    asked.push(accept.includes("protobuf"));
    expect(accept).toContain("openmetrics");
    response.end("a 1\n");
  });
  const reader = createPageReader({ limits: {}, keepEmptyLabels: false });
  const options = { timeoutMs: 5_000, client };
  for (const more of [{}, { wantsNative: true }, { wantsNative: false }])
    await reader.read(url, { ...options, ...more });
  expect(asked).toEqual([true, true, false]);
});

test("a page that is bad OpenMetrics whatever it is asked for is asked for twice, then it is an error", async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked++;
    const type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.writeHead(200, { "content-type": type }).end('# TYPE a gauge\n# HELP a "x\na 1\n# EOF\n');
  });
  const reader = createPageReader({ limits: { maxSeries: 100 }, keepEmptyLabels: false });
  const read = () =>
    reader.read(url, { timeoutMs: 5_000, signal: AbortSignal.timeout(5_000), maxBytes: 10_000, client });
  await expect(read()).rejects.toThrow("2:");
  expect(asked).toBe(2);
  await expect(read()).rejects.toThrow("2:");
  expect(asked).toBe(3);
});
