import { gunzipSync } from "node:zlib";
import { type Batch, DeliveryError, STALE_MARKERS_LEFT_OUT, toBatch } from "@promferry/core/delivery";
import { createSeriesDictionary, type FamilyMetadata } from "@promferry/core/series";
import {
  type DecodedSample,
  describeDestination,
  type ReceivedRequest,
  startReceiver,
} from "@promferry/core/testing";
import { parseExposition } from "@promferry/core/text-format";
import { expect, test } from "vitest";
import { createHttpPush } from "./http-push.ts";

function textSamples({ body }: ReceivedRequest): DecodedSample[] {
  return parseExposition(body, { format: "scrape" }).flatMap((family) =>
    family.series.map((series, i) => ({
      series,
      timestampMs: family.timestampsMs[i]!,
      value: family.values[i]!,
    })),
  );
}

function jsonSamples({ body }: ReceivedRequest): DecodedSample[] {
  const { intern } = createSeriesDictionary();
  const lines = body.toString().split("\n").slice(0, -1);
  return lines.map((line) => {
    const { metric, labels, value, ts } = JSON.parse(line) as {
      metric: string;
      labels: Record<string, string>;
      value: number | string;
      ts: number;
    };
    const pairs = Object.entries(labels).map(([name, text]) => ({ name, value: text }));
    const number =
      typeof value === "number" ? value : { NaN: Number.NaN, "+Inf": Infinity, "-Inf": -Infinity }[value]!;
    return { series: intern(metric, pairs), timestampMs: ts, value: number };
  });
}

const unzipped = (request: ReceivedRequest): ReceivedRequest => ({
  ...request,
  body: gunzipSync(request.body),
});

describeDestination("http, prometheus-text", {
  create: (options) => createHttpPush({ ...options, format: "prometheus-text" }),
  decode: (requests) => requests.flatMap(textSamples),
  successStatus: 204,
});

describeDestination("http, json", {
  create: (options) => createHttpPush({ ...options, format: "json" }),
  decode: (requests) => requests.flatMap(jsonSamples),
});

describeDestination("http, json, gzip", {
  create: (options) => createHttpPush({ ...options, format: "json", gzip: true }),
  decode: (requests) => requests.map(unzipped).flatMap(jsonSamples),
});

const views: FamilyMetadata = { name: "k1_views_total", type: "counter", help: "Screens\nopened.", unit: "" };
const cached: FamilyMetadata = { name: "k1_cached", type: "gauge", help: "", unit: "" };

/** Two frames, 15 s apart; the gauge ends with the second one. */
function twoFrames(): Batch {
  const { intern } = createSeriesDictionary();
  const pods = intern("k1_views_total", [{ name: "screen", value: 'po"ds' }]);
  const nodes = intern("k1_views_total", [{ name: "screen", value: "nodes" }]);
  const objects = intern("k1_cached", []);
  return toBatch([
    { series: pods, family: views, timestampMs: 1_759_752_000_000, value: 1 },
    { series: objects, family: cached, timestampMs: 1_759_752_000_000, value: Number.NaN },
    { series: nodes, family: views, timestampMs: 1_759_752_000_000, value: 2 },
    { series: pods, family: views, timestampMs: 1_759_752_015_000, value: 3 },
    { series: objects, family: cached, timestampMs: 1_759_752_015_000, value: null },
  ]);
}

for (const { format, body } of [
  {
    format: "prometheus-text",
    body: `# HELP k1_views_total Screens\\nopened.
# TYPE k1_views_total counter
k1_views_total{screen="po\\"ds"} 1 1759752000000
k1_views_total{screen="po\\"ds"} 3 1759752015000
k1_views_total{screen="nodes"} 2 1759752000000
# TYPE k1_cached gauge
k1_cached NaN 1759752000000
`,
  },
  {
    format: "json",
    body: `{"metric":"k1_views_total","labels":{"screen":"po\\"ds"},"value":1,"ts":1759752000000}
{"metric":"k1_views_total","labels":{"screen":"po\\"ds"},"value":3,"ts":1759752015000}
{"metric":"k1_cached","labels":{},"value":"NaN","ts":1759752000000}
{"metric":"k1_views_total","labels":{"screen":"nodes"},"value":2,"ts":1759752000000}
`,
  },
] as const) {
  test(`${format} is written family by family, without comments of ours, and stale markers are counted`, async (context) => {
    const receiver = await startReceiver();
    context.onTestFinished(receiver.close);
    const destination = createHttpPush({ url: `${receiver.url}/ingest?source=k1`, format });

    const receipt = await destination.send(twoFrames());

    expect(receiver.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /ingest?source=k1",
    ]);
    expect(receiver.requests[0]?.body.toString()).toBe(body);
    expect(receipt).toEqual({
      accepted: 4,
      refused: [],
      leftOut: [{ reason: STALE_MARKERS_LEFT_OUT, count: 1 }],
      unknown: 0,
    });
  });

  test(`${format}: nothing but stale markers makes no request`, async () => {
    const whole = twoFrames();
    const ended = whole.series.find(({ values }) => values.includes(null))!;
    const batch: Batch = { series: [{ ...ended, timestampsMs: [1], values: [null] }], sampleCount: 1 };
    const destination = createHttpPush({ url: "http://127.0.0.1:9/", format });

    expect(destination.encode(batch)).toMatchObject({ requests: [], leftOut: [{ count: 1 }] });
    expect(await destination.send(batch)).toMatchObject({
      accepted: 0,
      refused: [],
      leftOut: [{ count: 1 }],
    });
  });

  test(`${format}: a body above maxBytes is not sent`, async () => {
    const destination = createHttpPush({ url: "http://127.0.0.1:9/", format, maxBytes: 200 });
    expect(() => destination.encode(twoFrames())).toThrow(DeliveryError);
    await expect(destination.send(twoFrames())).rejects.toMatchObject({ code: "ERR_DELIVERY_TOO_LARGE" });
  });
}

for (const { name, options, message } of [
  {
    name: "another format",
    options: { format: "xml" as "json" },
    message: "format must be one of prometheus-text, json",
  },
  {
    name: "a user in the URL",
    options: { url: "http://joe:hunter2@a.test/" },
    message: "use the setting auth",
  },
  {
    name: "a reserved header",
    options: { headers: { "content-type": "x" } },
    message: "set by the protocol",
  },
]) {
  test(`createHttpPush refuses ${name}`, () => {
    expect(() => createHttpPush({ url: "http://a.test/", ...options })).toThrow(message);
  });
}

test("the identity tells format and query apart and shows no token", () => {
  const identities = [
    createHttpPush({ url: "http://a.test/in?token=hunter2" }),
    createHttpPush({ url: "http://a.test/in?token=hunter3" }),
    createHttpPush({ url: "http://a.test/in?token=hunter2", format: "json" }),
  ].map(({ identity }) => identity);
  expect(new Set(identities).size).toBe(3);
  expect(identities.join()).not.toContain("hunter");
});
