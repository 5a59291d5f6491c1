/**
 * Three days of overlapping, killed and restarted sessions, uploaded by the CLI: what comes back from
 * real servers is what the generator's own arithmetic says, sample by sample.
 */

import { expect, test } from "vitest";
import {
  exportedSamples,
  type Labels,
  requireServer,
  samplesOf,
  startPrometheus,
  startPushgateway,
  startVictoriaMetrics,
} from "./harness/index.ts";
import { type ExpectedSample, expectedEnds, expectedLatest, expectedSamples } from "./three-days/expected.ts";
import { BEGIN_MS, bySeries, inOrder, seriesText, threeDays } from "./three-days/three-days.ts";

const ALL = '{__name__=~"k1_.+"}';
const UPLOAD = ["upload-metrics", "--json"];

for (const protocol of [1, 2, "auto"]) {
  test(`three days arrive in Prometheus by protocol ${protocol}, each sample with its exact value and time`, async (context) => {
    requireServer(context, "prometheus");
    const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
    context.onTestFinished(prometheus.stop);
    const { runs, cli } = await threeDays(context, {
      type: "prometheus",
      url: `${prometheus.url}/api/v1/write`,
      protocol,
    });

    expect(await cli(UPLOAD)).toMatchObject({ code: 0 });
    const stored = await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now());
    expect(bySeries(stored)).toEqual(inOrder(expectedSamples(runs)));

    expect(await cli(UPLOAD)).toMatchObject({ code: 0 });
    expect(bySeries(await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now()))).toEqual(bySeries(stored));
  });
}

for (const { name, destination, path, tellsEnds } of [
  { name: "remote write", destination: { type: "victoriametrics" }, path: "/api/v1/write", tellsEnds: true },
  {
    name: "its text import",
    destination: { type: "http", format: "prometheus-text" },
    path: "/api/v1/import/prometheus",
    tellsEnds: false,
  },
]) {
  test(`three days arrive in VictoriaMetrics by ${name}, each sample once`, async (context) => {
    requireServer(context, "victoria-metrics");
    const victoria = await startVictoriaMetrics();
    context.onTestFinished(victoria.stop);
    const { runs, cli } = await threeDays(context, { ...destination, url: victoria.url + path });

    expect(await cli(UPLOAD)).toMatchObject({ code: 0 });
    expect(await cli(UPLOAD)).toMatchObject({ code: 0 });

    const stored = bySeries(await exportedSamples(victoria.url, ALL, BEGIN_MS, Date.now()));
    const samples = new Map<string, readonly ExpectedSample[]>();
    const ends = new Map<string, number>();
    for (const [series, all] of stored) {
      samples.set(
        series,
        all.filter(([, value]) => !Number.isNaN(value)),
      );
      // The export shows a stale marker as NaN.
      for (const [atMs, value] of all) if (Number.isNaN(value)) ends.set(series, atMs);
    }
    expect(samples).toEqual(inOrder(expectedSamples(runs)));
    expect(ends).toEqual(tellsEnds ? inOrder(expectedEnds(runs)) : new Map());
  });
}

test("the Pushgateway shows the latest state, typed, once a series", async (context) => {
  requireServer(context, "pushgateway");
  const gateway = await startPushgateway();
  context.onTestFinished(gateway.stop);
  const { runs, cli } = await threeDays(context, {
    type: "pushgateway",
    url: gateway.url,
    job_name: "k1",
    grouping_keys: { team: "platform" },
  });

  expect(await cli(UPLOAD)).toMatchObject({ code: 0 });

  const { shown, types } = await gatewayState(gateway.url);
  expect(shown).toEqual(inOrder(expectedLatest(runs)));
  expect(types).toEqual({
    k1_screen_views_total: "COUNTER",
    k1_screen_render_duration_seconds: "HISTOGRAM",
    k1_terminal_width: "GAUGE",
    k1_informer_objects_cached: "GAUGE",
  });
});

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
  return { shown: inOrder(shown), types };
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
