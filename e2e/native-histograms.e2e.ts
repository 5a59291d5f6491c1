/**
 * Native histograms and exemplars from a page in protobuf through journal and remote write into a real Prometheus,
 * held against one that scrapes the same page itself.
 */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSeriesDictionary, type NativeHistogram } from "@promferry/core/series";
import { createRemoteWrite } from "@promferry/remote-write";
import { expect, type TestContext, test } from "vitest";
import {
  exportedSamples,
  type PrometheusOptions,
  query,
  type RunningServer,
  requireServer,
  runCli,
  startCli,
  startPrometheus,
  startVictoriaMetrics,
  startVmagent,
} from "./harness/index.ts";
import { PROTOBUF_TYPE, protobufPage } from "./native-histograms/protobuf-page.ts";
import { exemplars, type Instant, instant } from "./native-histograms/stored.ts";

const FEATURES = { nativeHistograms: true, flags: ["--enable-feature=exemplar-storage"] };

async function prometheus(
  context: TestContext,
  options: PrometheusOptions = FEATURES,
): Promise<RunningServer> {
  const server = await startPrometheus(options);
  context.onTestFinished(server.stop);
  return server;
}

/** Serves one page to whoever asks. */
async function serve(context: TestContext, page: Buffer): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": PROTOBUF_TYPE }).end(page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A folder with a configuration that names these receivers, and the CLI in it. */
async function promferry(
  context: TestContext,
  destinations: readonly { readonly name: string; readonly url: string; readonly protocol: 1 | 2 }[],
) {
  const home = await mkdtemp(join(tmpdir(), "promferry-native-"));
  context.onTestFinished(() => rm(home, { recursive: true, force: true }));
  const dir = join(home, "metrics");
  const config = {
    metrics: {
      dir,
      destinations: destinations.map(({ url, ...rest }) => ({
        ...rest,
        type: "prometheus",
        url: `${url}/api/v1/write`,
      })),
    },
  };
  await writeFile(join(home, "config.yaml"), JSON.stringify(config));
  const run = (...args: string[]) => runCli([...args, "--config", join(home, "config.yaml")]);
  return { dir, run };
}

const label = (name: string, value: string) => [{ name, value }];

/** What a program shows that observed 0.3 twice, 3 four times, -1 once and 0 twice, and more of other kinds. */
function programPage(nowMs: number): Buffer {
  const at = (ms: number) => ({
    seconds: Math.floor((nowMs + ms) / 1000),
    nanos: ((nowMs + ms) % 1000) * 1e6,
  });
  const trace = (id: string, value: number, ms: number) => ({
    label: label("trace_id", id),
    value,
    timestamp: at(ms),
  });
  return protobufPage(
    {
      name: "h_seconds",
      help: "By size.",
      type: 4,
      metric: [
        {
          label: label("code", "200"),
          histogram: {
            sample_count: 9,
            sample_sum: 11.6,
            schema: 1,
            zero_threshold: 0.001,
            zero_count: 2,
            // Upper bounds 2^(i/2): 0.3 lies in -3, 3 in 4.
            positive_span: [
              { offset: -3, length: 1 },
              { offset: 6, length: 1 },
            ],
            positive_delta: [2, 2],
            negative_span: [{ offset: 0, length: 1 }],
            negative_delta: [1],
            bucket: [{ cumulative_count: 9, upper_bound: 1, exemplar: trace("classic", 0.5, -9000) }],
            exemplars: [trace("a", 3, -3000), trace("b", 0.3, -2000)],
            created_timestamp: at(-60_000),
          },
        },
      ],
    },
    {
      name: "backlog_size",
      help: "Now.",
      type: 5,
      metric: [
        {
          histogram: {
            sample_count_float: 2.5,
            sample_sum: 4,
            zero_threshold: 1e-128,
            positive_span: [{ offset: 1, length: 2 }],
            positive_count: [2, 0.5],
          },
        },
      ],
    },
    {
      name: "classic_seconds",
      type: 4,
      metric: [
        {
          histogram: {
            sample_count: 3,
            sample_sum: 1.5,
            bucket: [
              { cumulative_count: 1, upper_bound: 1, exemplar: trace("c", 0.7, -4000) },
              { cumulative_count: 3, upper_bound: 2.5 },
            ],
          },
        },
      ],
    },
    {
      name: "hits_total",
      type: 0,
      metric: [{ counter: { value: 42, exemplar: trace("d", 1, -1000), created_timestamp: at(-60_000) } }],
    },
    { name: "tiefe.m", type: 1, metric: [{ label: label("größe.x", "ä"), gauge: { value: 7 } }] },
    {
      name: "wait_seconds",
      type: 2,
      metric: [{ summary: { sample_count: 5, sample_sum: 2.5, quantile: [{ quantile: 0.5, value: 0.4 }] } }],
    },
  );
}

/** Without the scrape's own series, which tell of two scrapes. */
function ofPage(all: Instant): Instant {
  return Object.fromEntries(
    Object.entries(all).filter(([series]) => !/"__name__":"(?:up|scrape_)/.test(series)),
  );
}

const JOB = '{job="app"}';

async function scrapedBy(context: TestContext, target: string): Promise<RunningServer> {
  return prometheus(context, {
    ...FEATURES,
    scrapeConfigs: [{ job_name: "app", scrape_interval: "1s", static_configs: [{ targets: [target] }] }],
  });
}

test("a page in protobuf arrives by 1.0 and 2.0 as in a Prometheus that scrapes it", async (context) => {
  requireServer(context, "prometheus");
  const nowMs = Date.now();
  const target = await serve(context, programPage(nowMs));
  const [direct, one, two] = await Promise.all([
    scrapedBy(context, target),
    prometheus(context),
    prometheus(context),
  ]);
  const { dir, run } = await promferry(context, [
    { name: "one", url: one.url, protocol: 1 },
    { name: "two", url: two.url, protocol: 2 },
  ]);

  expect(await run("collect", `http://${target}/metrics`, "--job", "app", "--once")).toMatchObject({
    code: 0,
  });
  const uploaded = await run("upload-metrics", "--now", "--json");
  // 1.0 has no names in UTF-8.
  expect(uploaded, uploaded.stderr).toMatchObject({ code: 3 });
  expect(JSON.parse(uploaded.stdout)).toMatchObject({
    destinations: [
      { name: "one", accepted: 16, refused: [{ count: 1 }], unknown: 0 },
      { name: "two", accepted: 17, refused: [], unknown: 0 },
    ],
  });
  const [file] = (await readdir(dir)).filter((name) => name.endsWith(".prom"));
  expect(await readFile(join(dir, file!), "utf8")).toContain(" v=2 ");

  const own = { instance: target, job: "app" };
  const expected: Instant = {
    [key({ ...own, __name__: "backlog_size" })]: {
      count: "2.5",
      sum: "4",
      buckets: [
        [0, "1", "2", "2"],
        [0, "2", "4", "0.5"],
      ],
    },
    [key({ ...own, __name__: "classic_seconds_bucket", le: "+Inf" })]: "3",
    [key({ ...own, __name__: "classic_seconds_bucket", le: "1.0" })]: "1",
    [key({ ...own, __name__: "classic_seconds_bucket", le: "2.5" })]: "3",
    [key({ ...own, __name__: "classic_seconds_count" })]: "3",
    [key({ ...own, __name__: "classic_seconds_sum" })]: "1.5",
    [key({ ...own, __name__: "h_seconds", code: "200" })]: {
      count: "9",
      sum: "11.6",
      buckets: [
        [1, "-1", "-0.7071067811865475", "1"],
        [3, "-0.001", "0.001", "2"],
        [0, "0.25", "0.35355339059327373", "2"],
        [0, "2.82842712474619", "4", "4"],
      ],
    },
    [key({ ...own, __name__: "hits_total" })]: "42",
    [key({ ...own, __name__: "tiefe.m", "größe.x": "ä" })]: "7",
    [key({ ...own, __name__: "wait_seconds", quantile: "0.5" })]: "0.4",
    [key({ ...own, __name__: "wait_seconds_count" })]: "5",
    [key({ ...own, __name__: "wait_seconds_sum" })]: "2.5",
  };
  const traced = [
    `${key({ ...own, __name__: "classic_seconds_bucket", le: "1.0" })} {"trace_id":"c"} 0.7 ${nowMs - 4000}`,
    `${key({ ...own, __name__: "h_seconds", code: "200" })} {"trace_id":"a"} 3 ${nowMs - 3000}`,
    `${key({ ...own, __name__: "h_seconds", code: "200" })} {"trace_id":"b"} 0.3 ${nowMs - 2000}`,
    `${key({ ...own, __name__: "hits_total" })} {"trace_id":"d"} 1 ${nowMs - 1000}`,
  ].sort();
  const asked = (url: string) => exemplars(url, JOB, nowMs - 60_000, nowMs + 60_000);
  await expect.poll(() => asked(direct.url), { timeout: 20_000 }).not.toEqual([]);
  const { [key({ ...own, __name__: "tiefe.m", "größe.x": "ä" })]: _, ...classic } = expected;
  for (const [name, server] of Object.entries({ direct, one, two })) {
    const shown = ofPage(await instant(server.url, JOB));
    expect(shown, name).toEqual(name === "one" ? classic : expected);
    expect(await asked(server.url), name).toEqual(traced);
  }
});

test("Prometheus' own page, native histograms and all, arrives as in a Prometheus that scrapes it", async (context) => {
  requireServer(context, "prometheus");
  const source = await prometheus(context);
  // So that its histograms of requests have something in them.
  for (let i = 0; i < 20; i++) await query(source.url, "vector(1)");
  const response = await fetch(`${source.url}/metrics`, { headers: { accept: PROTOBUF_TYPE } });
  const target = await serve(context, Buffer.from(await response.arrayBuffer()));
  const [direct, one, two] = await Promise.all([
    scrapedBy(context, target),
    prometheus(context),
    prometheus(context),
  ]);
  const { run } = await promferry(context, [
    { name: "one", url: one.url, protocol: 1 },
    { name: "two", url: two.url, protocol: 2 },
  ]);

  expect(await run("collect", `http://${target}/metrics`, "--job", "app", "--once")).toMatchObject({
    code: 0,
  });
  const uploaded = await run("upload-metrics", "--now", "--json");
  expect(uploaded, uploaded.stderr).toMatchObject({ code: 0 });

  await expect
    .poll(async () => Object.keys(ofPage(await instant(direct.url, JOB))).length, { timeout: 20_000 })
    .toBeGreaterThan(300);
  const scraped = ofPage(await instant(direct.url, JOB));
  const histograms = Object.values(scraped).filter((value) => typeof value !== "string");
  expect(histograms.length).toBeGreaterThan(3);
  expect(histograms.some(({ buckets = [] }) => buckets.length > 0)).toBe(true);
  expect(ofPage(await instant(one.url, JOB))).toEqual(scraped);
  expect(ofPage(await instant(two.url, JOB))).toEqual(scraped);
});

const histogram = (count: number, more: Partial<NativeHistogram> = {}): NativeHistogram => ({
  schema: 0,
  integer: true,
  count,
  sum: 2 * count,
  zeroThreshold: 0.5,
  zeroCount: 0,
  positiveSpans: [{ offset: 1, length: 1 }],
  positiveCounts: [count],
  negativeSpans: [],
  negativeCounts: [],
  customBounds: [],
  resetHint: "unknown",
  ...more,
});

/** Series of native histograms; a name is a family of its own. */
function batchOf(
  series: Readonly<Record<string, readonly (readonly [number, number | NativeHistogram | null])[]>>,
) {
  const { intern } = createSeriesDictionary();
  const entries = Object.entries(series).map(([name, points]) => ({
    series: intern(name, []),
    family: { name, type: "histogram" as const, help: "", unit: "" },
    timestampsMs: points.map(([at]) => at),
    values: points.map(([, value]) => value),
  }));
  return { series: entries, sampleCount: entries.reduce((sum, { values }) => sum + values.length, 0) };
}

for (const protocol of [1, 2] as const) {
  test(`floats, custom bounds, the end of a series and a series of both kinds arrive by ${protocol}.0`, async (context) => {
    requireServer(context, "prometheus");
    const { url } = await prometheus(context);
    const at = Date.now() - 60_000;
    const custom = histogram(5, {
      schema: -53,
      zeroThreshold: 0,
      positiveSpans: [{ offset: 0, length: 3 }],
      positiveCounts: [2, 0, 3],
      customBounds: [0.25, 1],
    });
    const float = histogram(1.5, { integer: false });
    const batch = batchOf({
      t_custom: [[at, custom]],
      t_float: [[at, float]],
      t_ended: [
        [at, histogram(1)],
        [at + 1000, null],
      ],
      t_both: [
        [at, 7],
        [at + 1000, histogram(4)],
      ],
      t_nan: [[at, histogram(3, { sum: Number.NaN })]],
    });

    const destination = createRemoteWrite({ name: "r", url: `${url}/api/v1/write`, protocol });
    expect(await destination.send(batch)).toEqual({ accepted: 7, refused: [], unknown: 0 });

    const found = async (ms: number) => instant(url, '{__name__=~"t_.+"}', ms);
    const one = { count: "1", sum: "2", buckets: [[0, "1", "2", "1"]] };
    const early = {
      '{"__name__":"t_both"}': "7",
      '{"__name__":"t_custom"}': {
        count: "5",
        sum: "10",
        buckets: [
          [3, "-Inf", "0.25", "2"],
          [0, "1", "+Inf", "3"],
        ],
      },
      '{"__name__":"t_ended"}': one,
      '{"__name__":"t_float"}': { count: "1.5", sum: "3", buckets: [[0, "1", "2", "1.5"]] },
      '{"__name__":"t_nan"}': { count: "3", sum: "NaN", buckets: [[0, "1", "2", "3"]] },
    };
    expect(await found(at + 500)).toEqual(early);
    const { '{"__name__":"t_ended"}': _, ...rest } = early;
    expect(await found(at + 1000)).toEqual({
      ...rest,
      '{"__name__":"t_both"}': { count: "4", sum: "8", buckets: [[0, "1", "2", "4"]] },
    });
  });

  test(`where native histograms are off, an upload by ${protocol}.0 brings everything else and names them`, async (context) => {
    requireServer(context, "prometheus");
    const target = await serve(context, programPage(Date.now()));
    const receiving = await prometheus(context, {});
    const { run } = await promferry(context, [{ name: "there", url: receiving.url, protocol }]);
    expect(await run("collect", `http://${target}/metrics`, "--job", "app", "--once")).toMatchObject({
      code: 0,
    });

    const uploaded = await run("upload-metrics", "--now", "--json");

    expect(uploaded, uploaded.stderr).toMatchObject({ code: 3 });
    const report = JSON.parse(uploaded.stdout) as {
      destinations: { accepted: number; unknown: number; refused: { reason: string; count: number }[] }[];
    };
    const [there] = report.destinations;
    // `up` and four series of the scrape besides those of the page that are no native histogram. 1.0 has no names in UTF-8.
    const plain = protocol === 1 ? 9 : 10;
    expect(there!.accepted).toBe(plain + 5);
    const lost = there!.refused.reduce((sum, { count }) => sum + count, there!.unknown);
    expect(lost).toBe(17 - (plain + 5));
    const stored = Object.keys(ofPage(await instant(receiving.url, JOB)));
    expect(stored).toHaveLength(plain);
    expect(stored.some((series) => /h_seconds|backlog/.test(series))).toBe(false);
  });
}

for (const { protocol, message } of [
  { protocol: 1, message: "prometheus.WriteRequest" },
  { protocol: 2, message: "io.prometheus.write.v2.Request" },
]) {
  test(`receive stores the native histograms and exemplars that a real Prometheus sends as ${protocol}.0`, async (context) => {
    requireServer(context, "prometheus");
    const nowMs = Date.now();
    const target = await serve(context, programPage(nowMs));
    const { dir } = await promferry(context, []);
    const receiving = await startCli(["receive", "--listen", "127.0.0.1:0", "--dir", dir]);
    context.onTestFinished(receiving.stop);
    const [url] = await receiving.waitFor(/http:\/\/127\.0\.0\.1:\d+/);

    await prometheus(context, {
      ...FEATURES,
      scrapeConfigs: [{ job_name: "app", scrape_interval: "1s", static_configs: [{ targets: [target] }] }],
      remoteWrite: [
        {
          url: `${url}/api/v1/write`,
          protobuf_message: message,
          send_exemplars: true,
          send_native_histograms: true,
        },
      ],
    });

    const own = `code="200",instance="${target}",job="app"`;
    const lines = async () => {
      const names = (await readdir(dir)).filter((name) => name.endsWith(".prom"));
      const texts = await Promise.all(names.map((name) => readFile(join(dir, name), "utf8")));
      return texts.join("").split("\n");
    };
    const expected = [
      `#~ histogram h_seconds{${own}} {"schema":1,"count":9,"sum":11.6,"zero":[0.001,2],"positive":[[-3,2],[6,4]],"negative":[[0,1]]} TIME`,
      `#~ histogram backlog_size{instance="${target}",job="app"} {"schema":0,"count":2.5,"sum":4,"float":true,"zero":[1e-128,0],"positive":[[1,2,0.5]],"reset":"gauge"} TIME`,
      `#~ exemplar {"trace_id":"a"} 3 ${nowMs - 3000}`,
      `#~ exemplar {"trace_id":"b"} 0.3 ${nowMs - 2000}`,
      `#~ exemplar {"trace_id":"c"} 0.7 ${nowMs - 4000}`,
      `#~ exemplar {"trace_id":"d"} 1 ${nowMs - 1000}`,
    ];
    await expect
      .poll(async () => (await lines()).map((line) => line.replace(/\} \d+$/, "} TIME")), { timeout: 30_000 })
      .toEqual(expect.arrayContaining(expected));
  });
}

test("VictoriaMetrics makes buckets of its own of native histograms, and stores no exemplars", async (context) => {
  requireServer(context, "victoria-metrics");
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  const at = Date.now() - 10_000;
  const destination = createRemoteWrite({ name: "vm", url: `${victoria.url}/api/v1/write` });
  const exemplar = { labels: [{ name: "trace_id", value: "x" }], value: 1, timestampMs: at };
  const { series } = batchOf({
    t_native: [[at, histogram(3)]],
    t_float: [[at, histogram(1.5, { integer: false })]],
    t_custom: [
      [
        at,
        histogram(2, {
          schema: -53,
          zeroThreshold: 0,
          positiveSpans: [{ offset: 0, length: 1 }],
          positiveCounts: [2],
          customBounds: [0.25],
        }),
      ],
    ],
    t_ended: [[at, null]],
    t_plain: [[at, 5]],
  });
  const traced = series.map((entry) => ({ ...entry, exemplars: new Map([[0, [exemplar]]]) }));

  expect(await destination.send({ series: traced, sampleCount: 5 })).toMatchObject({ accepted: 5 });

  const stored = await exportedSamples(victoria.url, '{__name__=~"t_.+"}', at - 1000, at + 1000);
  // Custom bounds are read as exponential ones, and a stale marker as an empty histogram.
  expect(stored.map(({ labels, samples }) => [key(labels), samples.map(({ value }) => value)])).toEqual([
    [key({ __name__: "t_custom_bucket", vmrange: "0.000e+00...1.000e+00" }), ["2"]],
    [key({ __name__: "t_custom_count" }), ["2"]],
    [key({ __name__: "t_custom_sum" }), ["4"]],
    [key({ __name__: "t_ended_count" }), ["0"]],
    [key({ __name__: "t_ended_sum" }), ["null"]],
    [key({ __name__: "t_float_bucket", vmrange: "1.000e+00...2.000e+00" }), ["1.5"]],
    [key({ __name__: "t_float_count" }), ["1.5"]],
    [key({ __name__: "t_float_sum" }), ["3"]],
    [key({ __name__: "t_native_bucket", vmrange: "1.000e+00...2.000e+00" }), ["3"]],
    [key({ __name__: "t_native_count" }), ["3"]],
    [key({ __name__: "t_native_sum" }), ["6"]],
    [key({ __name__: "t_plain" }), ["5"]],
  ]);
});

test("vmagent hands native histograms on as buckets of VictoriaMetrics", async (context) => {
  requireServer(context, "prometheus", "vmagent");
  const { url } = await prometheus(context);
  const dir = await mkdtemp(join(tmpdir(), "promferry-vmagent-"));
  context.onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const configFile = join(dir, "empty.yml");
  await writeFile(configFile, "scrape_configs: []\n");
  const agent = await startVmagent({ configFile, remoteWriteUrl: `${url}/api/v1/write` });
  context.onTestFinished(agent.stop);
  const at = Date.now() - 10_000;
  const destination = createRemoteWrite({ name: "vmagent", url: `${agent.url}/api/v1/write` });

  const batch = batchOf({ t_native: [[at, histogram(3)]], t_plain: [[at, 5]] });
  expect(await destination.send(batch)).toMatchObject({ accepted: 2 });

  const found = () => instant(url, '{__name__=~"t_.+"}', at);
  await expect.poll(found, { timeout: 15_000 }).toEqual({
    [key({ __name__: "t_native_bucket", vmrange: "1.000e+00...2.000e+00" })]: "3",
    [key({ __name__: "t_native_count" })]: "3",
    [key({ __name__: "t_native_sum" })]: "6",
    [key({ __name__: "t_plain" })]: "5",
  });
});

function key(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}
