/**
 * Three days of overlapping, killed and restarted sessions, uploaded by the CLI: what comes back from
 * real servers is what the generator's own arithmetic says, sample by sample.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import {
  exportedSamples,
  type Labels,
  requireServer,
  runCli,
  type StoredSeries,
  samplesOf,
  startPrometheus,
  startPushgateway,
  startVictoriaMetrics,
} from "./harness/index.ts";
import { type ExpectedSample, expectedLatest, expectedSamples } from "./three-days/expected.ts";
import { type Run, threeDaysOfRuns } from "./three-days/program.ts";
import { writeJournal } from "./three-days/write-journal.ts";

const END_MS = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
const BEGIN_MS = END_MS - 4 * 86_400_000;
const ALL = '{__name__=~"k1_.+"}';

test("three days arrive in Prometheus, each sample with its exact value and time", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
  context.onTestFinished(prometheus.stop);
  const { runs, upload } = await program(context, {
    type: "prometheus",
    url: `${prometheus.url}/api/v1/write`,
  });

  const report = await upload();

  expect(report).toMatchObject({ code: 0 });
  const stored = await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now());
  expect(bySeries(stored)).toEqual(numbers(expectedSamples(runs)));

  const again = await upload();
  expect(again).toMatchObject({ code: 0 });
  expect(bySeries(await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now()))).toEqual(bySeries(stored));
});

for (const { name, destination, path } of [
  { name: "remote write", destination: { type: "victoriametrics" }, path: "/api/v1/write" },
  {
    name: "its text import",
    destination: { type: "http", format: "prometheus-text" },
    path: "/api/v1/import/prometheus",
  },
]) {
  test(`three days arrive in VictoriaMetrics by ${name}, each sample once`, async (context) => {
    requireServer(context, "victoria-metrics");
    const victoria = await startVictoriaMetrics();
    context.onTestFinished(victoria.stop);
    const { runs, upload } = await program(context, { ...destination, url: victoria.url + path });

    expect(await upload()).toMatchObject({ code: 0 });
    expect(await upload()).toMatchObject({ code: 0 });

    const stored = await exportedSamples(victoria.url, ALL, BEGIN_MS, Date.now());
    expect(bySeries(stored)).toEqual(numbers(expectedSamples(runs)));
  });
}

test("the Pushgateway shows the latest state, typed, once a series", async (context) => {
  requireServer(context, "pushgateway");
  const gateway = await startPushgateway();
  context.onTestFinished(gateway.stop);
  const { runs, upload } = await program(context, {
    type: "pushgateway",
    url: gateway.url,
    job_name: "k1",
    grouping_keys: { team: "platform" },
  });

  expect(await upload()).toMatchObject({ code: 0 });

  const { shown, types } = await gatewayState(gateway.url);
  expect(shown).toEqual(new Map([...expectedLatest(runs)].sort(byKey)));
  expect(types).toEqual({
    k1_screen_views_total: "COUNTER",
    k1_screen_render_duration_seconds: "HISTOGRAM",
    k1_terminal_width: "GAUGE",
    k1_informer_objects_cached: "GAUGE",
  });
});

/** A journal of three days and the command that uploads it. */
async function program(context: TestContext, destination: object) {
  const home = await mkdtemp(join(tmpdir(), "promferry-three-days-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const runs = threeDaysOfRuns(END_MS, 7);
  const dir = join(home, "metrics");
  await writeJournal(dir, runs);
  const config = {
    metrics: {
      enabled: true,
      dir,
      anonymize_user: false,
      exclusive: true,
      day_boundary: "utc",
      destinations: [{ name: "there", ...destination }],
    },
  };
  await writeFile(join(home, "config.yaml"), JSON.stringify(config));
  const args = ["upload-metrics", "--config", join(home, "config.yaml"), "--json"];
  const upload = async () => {
    const result = await runCli(args);
    return { ...result, report: result.stdout };
  };
  return { runs: runs as readonly Run[], upload };
}

/** Samples as `[ms, number]` by series, in the order of their names. */
function bySeries(stored: readonly StoredSeries[]): ReadonlyMap<string, readonly ExpectedSample[]> {
  const entries = stored.map(({ labels, samples }) => {
    const list = samples.map(({ timestampMs, value }): ExpectedSample => [timestampMs, Number(value)]);
    return [seriesText(labels), list] as const;
  });
  return new Map(entries.sort(byKey));
}

function numbers(expected: ReadonlyMap<string, readonly ExpectedSample[]>) {
  return new Map([...expected].sort(byKey));
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

function seriesText({ __name__, ...labels }: Labels): string {
  const inner = Object.keys(labels)
    .sort()
    .map((name) => `${name}="${labels[name]}"`);
  return `${__name__}{${inner.join(",")}}`;
}

/** What the gateway's API shows of our group: values by series without the group's own labels, and types. */
async function gatewayState(url: string) {
  const { data } = (await (await fetch(`${url}/api/v1/metrics`)).json()) as {
    data: Record<string, { type: string; metrics: Record<string, unknown>[] }>[];
  };
  const shown = new Map<string, number>();
  const types: Record<string, string> = {};
  for (const group of data) {
    for (const [name, family] of Object.entries(group)) {
      if (!name.startsWith("k1_")) continue;
      types[name] = family.type;
      for (const metric of family.metrics) addMetric(shown, name, metric);
    }
  }
  return { shown: new Map([...shown].sort(byKey)), types };
}

function addMetric(shown: Map<string, number>, name: string, metric: Record<string, unknown>): void {
  const { job, instance, team, ...labels } = metric["labels"] as Record<string, string>;
  expect({ job, team }).toEqual({ job: "k1", team: "platform" });
  expect(instance ?? "").toBe("");
  const set = (sample: string, own: Labels, value: unknown): void => {
    const key = seriesText({ __name__: sample, ...labels, ...own });
    expect(shown.has(key)).toBe(false);
    shown.set(key, Number(value));
  };
  if ("value" in metric) {
    set(name, {}, metric["value"]);
    return;
  }
  for (const [le, value] of Object.entries(metric["buckets"] as Record<string, string>)) {
    set(`${name}_bucket`, { le }, value);
  }
  set(`${name}_sum`, {}, metric["sum"]);
  set(`${name}_count`, {}, metric["count"]);
}
