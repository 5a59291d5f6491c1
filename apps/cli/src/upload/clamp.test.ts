import { join } from "node:path";
import { createCollector } from "@promferry/collector";
import { counter, defineMetrics, gauge } from "@promferry/core";
import { expect, test } from "vitest";
import { readSamples } from "../../test/journal.ts";
import { homeWith, runCli } from "../../test/run-cli.ts";
import { serveReceiver } from "../../test/serve.ts";

async function record(
  dir: string,
  clamp: Record<string, { min?: number; max?: number }> = {},
): Promise<void> {
  const metrics = defineMetrics(
    { namespace: "k1" },
    {
      cached: gauge({ name: "cached", help: "Cached." }),
      views: counter({ name: "views_total", help: "Views." }),
    },
  );
  metrics.cached.set(80);
  metrics.views.inc(80);
  const consent = { config: { enabled: true } };
  const collector = createCollector({ catalogue: metrics, dir, app: "k1", env: {}, consent, clamp });
  await collector.start();
  await collector.stop();
}

test("a gauge beyond its bounds leaves as the bound, and explain and preview say so beforehand", async () => {
  const { url, dir: received } = await serveReceiver();
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  clamp: { k1_cached: { min: 0, max: 50 } }
  destinations: [{ name: d, type: prometheus, url: "${url}/api/v1/write" }]
`);
  const dir = join(home, "journal");
  await record(dir);
  expect(await readSamples(dir)).toContain("k1_cached{} 80");
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });

  const words = "values below 0 leave as 0, above 50 leave as 50 (metrics.clamp)";
  expect((await cli("privacy", "explain")).stdout).toContain(`    ${words}: 1 sample\n`);
  expect((await cli("preview", "--now")).stdout).toContain(`note: of k1_cached, ${words}\n`);
  const { exitCode, stdout } = await cli("upload-metrics", "--now");
  expect(exitCode).toBe(0);
  expect(stdout).not.toContain("note:");
  const samples = (await readSamples(received)).map((line) => line.replace(/\{.*\}/, "").replace(/ @.*/, ""));
  expect(samples).toContain("k1_cached 50");
  expect(samples).not.toContain("k1_cached 80");
  expect(samples).toContain("k1_views_total 80");
});

test("a program that clamps writes the bound", async () => {
  const { home } = homeWith("");
  await record(join(home, "journal"), { k1_cached: { max: 50 } });
  expect(await readSamples(join(home, "journal"))).toContain("k1_cached{} 50");
  await expect(record(join(home, "journal"), { k1_cache: { max: 50 } })).rejects.toThrow(
    new TypeError("createCollector: clamp names k1_cache, but no metric of the catalogue has this name"),
  );
});

test("a name that is no gauge of the catalogue is told by config check, with its place, and by uploads", async () => {
  const { home } = homeWith(`app: k1
metrics:
  dir: journal
  clamp:
    k1_cache: { max: 50 }
    k1_views_total: { max: 50 }
  destinations: [{ name: d, type: prometheus, url: "http://127.0.0.1:1/api/v1/write" }]
`);
  const cli = (...argv: string[]) => runCli([...argv, "--config", "config.yaml"], { home });
  expect((await cli("config", "check")).stdout).toContain("is fine: 0 errors, 0 warnings");
  await record(join(home, "journal"));
  const { exitCode, stdout } = await cli("config", "check");
  expect(exitCode).toBe(0);
  expect(stdout).toContain(
    "5:5: warning: k1_cache has no effect: no metric of the catalogue has this name; did you mean k1_cached?",
  );
  expect(stdout).toContain(
    "6:5: warning: k1_views_total has no effect: k1_views_total is a counter: only gauges have bounds",
  );
  const preview = (await cli("preview", "--now")).stdout;
  expect(preview).toContain(
    "note: metrics.clamp: k1_cache has no effect: no metric of the catalogue has this name; did you mean k1_cached?",
  );
  expect(preview).not.toContain("leave as");
});

for (const { name, clamp, place } of [
  { name: "min above max", clamp: "{ k1_x: { min: 2, max: 1 } }", place: "2:18: min 2 is above max 1" },
  { name: "no bound", clamp: "{ k1_x: {} }", place: "2:18: expected min, max or both" },
  { name: "a text", clamp: "{ k1_x: { min: a } }", place: '2:25: expected a number, got "a"' },
  {
    name: "a bound of another name",
    clamp: "{ k1_x: { maxx: 1 } }",
    place: '2:20: unknown key "maxx"; did you mean "max"?',
  },
  { name: "no name", clamp: "{ a-b: { max: 1 } }", place: "2:12: expected a metric's name" },
]) {
  test(`config check refuses ${name} at its place`, async () => {
    const { home } = homeWith(`metrics:\n  clamp: ${clamp}\n`);
    const { exitCode, stdout } = await runCli(["config", "check", "--config", "config.yaml"], { home });
    expect([exitCode, stdout]).toEqual([78, expect.stringContaining(place)]);
    expect(stdout).toContain("1 error,");
  });
}

test("bounds that can't be are told beside what else is wrong", async () => {
  const { home } = homeWith("metrics:\n  clamp: { k1_x: { min: 2, max: 1 } }\n  round_counts: 1\n");
  const { stdout } = await runCli(["config", "check", "--config", "config.yaml"], { home });
  expect(stdout).toContain("2:18: min 2 is above max 1");
  expect(stdout).toContain("2 errors,");
});
