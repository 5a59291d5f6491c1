import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "@promferry/core/journal";
import { expect, test } from "vitest";
import {
  query,
  requireServer,
  runCli,
  startPrometheus,
  startSource,
  workspaceRoot,
} from "./harness/index.ts";

/** What the example prints with `--json`: counted by hand, beside the metrics. */
interface Counted {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, readonly number[]>>;
}

const k1 = join(workspaceRoot, "examples/k1/src/main.ts");

/** What a run with this seed counts. It records nothing: the count depends on the seed alone. */
async function countedBy(...args: readonly string[]): Promise<Counted> {
  const { stdout, stderr, code } = await (await startSource(k1, [...args, "--json"])).done;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return (JSON.parse(stdout) as { counted: Counted }).counted;
}

/** Both together, series by series. */
function together<T>(
  a: Readonly<Record<string, T>>,
  b: Readonly<Record<string, T>>,
  add: (x: T, y: T) => T,
): Record<string, T> {
  const sum: Record<string, T> = { ...a };
  for (const [series, value] of Object.entries(b))
    sum[series] = series in sum ? add(sum[series]!, value) : value;
  return sum;
}

const plus = (x: number, y: number): number => x + y;

test("k1, run twice at once and uploaded, answers what both runs did", async (context) => {
  requireServer(context, "prometheus");
  const { onTestFinished } = context;
  const prometheus = await startPrometheus();
  onTestFinished(prometheus.stop);
  const place = await mkdtemp(join(tmpdir(), "promferry-k1-"));
  onTestFinished(() => rm(place, { recursive: true }));
  const dir = join(place, "metrics");
  const recorded = ["--enable-metrics-collection", "--dir", dir];

  // The first run has written its frame and waits while the second one comes and goes; a signal ends it.
  const first = await startSource(k1, [...recorded, "--seed=1", "--frames=1", "--pause=120000"]);
  onTestFinished(first.stop);
  const fullFrames = async () =>
    (await openJournal(dir).index()).frames.filter(({ header }) => header.kind === "full");
  await expect.poll(async () => (await fullFrames()).length, { timeout: 30_000 }).toBe(1);
  const second = await (await startSource(k1, [...recorded, "--seed=2", "--steps=300"])).done;
  expect(second).toMatchObject({ code: 0, stderr: "" });
  first.kill("SIGTERM");
  expect((await first.done).signal).toBe("SIGTERM");
  const frames = await fullFrames();
  expect(new Set(frames.map(({ header }) => header.session)).size).toBe(2);
  expect(frames.filter(({ header }) => header.exit).length).toBe(2);

  const config = join(place, "config.yaml");
  const destination = { name: "local", type: "prometheus", url: `${prometheus.url}/api/v1/write` };
  await writeFile(config, JSON.stringify({ app: "k1", metrics: { dir, destinations: [destination] } }));
  const upload = await runCli(["upload-metrics", "--config", config, "--to", "local", "--now", "--json"]);
  expect(upload, upload.stderr).toMatchObject({ code: 0 });

  const one = await countedBy("--seed=1");
  const two = await countedBy("--seed=2", "--steps=300");
  const url = prometheus.url;
  const ask = async (promql: string) => (await query(url, promql)).map(({ value }) => Number(value));

  const counters = together(one.counters, two.counters, plus);
  expect(Object.keys(counters).length).toBeGreaterThan(30);
  for (const [series, count] of Object.entries(counters)) {
    expect(await ask(`last_over_time(${series}[1h])`), series).toEqual([count]);
  }

  const histograms = together(one.histograms, two.histograms, (x, y) => [...x, ...y]);
  expect(Object.keys(histograms).length).toBeGreaterThan(30);
  for (const [series, seconds] of Object.entries(histograms)) {
    const named = (suffix: string) => `last_over_time(${series.replace("{", `${suffix}{`)}[1h])`;
    expect(await ask(named("_count")), series).toEqual([seconds.length]);
    const [sum] = await ask(named("_sum"));
    expect(sum, series).toBeCloseTo(seconds.reduce(plus, 0), 9);
    const buckets = await query(url, named("_bucket"));
    expect(buckets.length, series).toBeGreaterThan(5);
    for (const { labels, value } of buckets) {
      const bound = labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]);
      expect(Number(value), `${series} le=${bound}`).toBe(seconds.filter((second) => second <= bound).length);
    }
  }

  // The first run ended last, and alone; while both ran, what they held in memory added up.
  for (const [series, value] of Object.entries(one.gauges)) {
    expect(await ask(`last_over_time(${series}[1h])`), series).toEqual([value]);
    if (!series.startsWith("k1_informer_objects_cached")) continue;
    expect(await ask(`max_over_time(${series}[1h])`), series).toEqual([value + two.gauges[series]!]);
  }

  const [{ labels } = { labels: {} }] = await query(
    url,
    'last_over_time(k1_screen_views_total{screen="pods"}[1h])',
  );
  expect(labels).toEqual({
    __name__: "k1_screen_views_total",
    screen: "pods",
    version: "v0.1.0",
    os: process.platform,
    arch: process.arch,
    user: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
});
