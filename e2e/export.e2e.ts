/** What leaves the journal as text is what Prometheus' own tools take. */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import { requireServer, runPromtool, samplesOf, startPrometheus } from "./harness/index.ts";
import { expectedSamples } from "./three-days/expected.ts";
import { BEGIN_MS, bySeries, inOrder, seriesText, threeDays } from "./three-days/three-days.ts";

const ALL = '{__name__=~"k1_.+"}';

test("promtool accepts single frames as they lie in the day files", async (context) => {
  requireServer(context, "promtool");
  const { dir } = await threeDays(context);
  const { frames } = await openJournal(dir).index();
  const full = frames.filter(({ header }) => header.kind === "full");
  const changes = frames.filter(({ header }) => header.kind === "changes");
  expect(changes.length).toBeGreaterThan(100);

  const some = [...full.slice(0, 5), ...changes.filter((_, i) => i % 50 === 0)];
  for (const { file, offsetBytes, lengthBytes } of some) {
    const bytes = await readFile(join(dir, file));
    const input = bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    expect(await runPromtool(["check", "metrics"], { input })).toMatchObject({ code: 0, stderr: "" });
  }
});

test("promtool accepts the latest state of the Prometheus text export", async (context) => {
  requireServer(context, "promtool");
  const { cli } = await threeDays(context);

  const exported = await cli(["export", "--format", "prometheus"]);

  expect(exported).toMatchObject({ code: 0 });
  expect(await runPromtool(["check", "metrics"], { input: exported.stdout })).toMatchObject({
    code: 0,
    stderr: "",
  });
});

test("Prometheus serves blocks that promtool builds from the OpenMetrics export", async (context) => {
  requireServer(context, "prometheus", "promtool");
  const { cli, home, runs } = await threeDays(context);
  const exported = await cli(["export", "--format", "openmetrics"]);
  expect(exported).toMatchObject({ code: 0 });
  const input = join(home, "export.om");
  await writeFile(input, exported.stdout);

  const prometheus = await startPrometheus({
    async prepareData(dataDir) {
      const built = await runPromtool(["tsdb", "create-blocks-from", "openmetrics", input, dataDir]);
      expect(built).toMatchObject({ code: 0, stderr: "" });
    },
  });
  context.onTestFinished(prometheus.stop);

  const stored = await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now());
  // OpenMetrics has bounds in canonical form.
  const expected = [...expectedSamples(runs)].map(
    ([series, samples]) => [series.replace('le="2"', 'le="2.0"'), samples] as const,
  );
  expect(bySeries(stored)).toEqual(inOrder(new Map(expected)));
});

test("the JSON lines hold every sample", async (context) => {
  const { cli, runs } = await threeDays(context);

  const exported = await cli(["export", "--format", "jsonl"]);

  expect(exported).toMatchObject({ code: 0 });
  const bySeriesText = new Map<string, [number, number][]>();
  for (const line of exported.stdout.trimEnd().split("\n")) {
    const { metric, labels, value, ts } = JSON.parse(line);
    if (value === null) continue;
    const key = seriesText({ __name__: metric, ...labels });
    const samples = bySeriesText.get(key) ?? [];
    bySeriesText.set(key, samples);
    samples.push([ts, Number(value)]);
  }
  expect(inOrder(bySeriesText)).toEqual(inOrder(expectedSamples(runs)));
});
