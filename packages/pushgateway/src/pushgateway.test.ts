import { gunzipSync } from "node:zlib";
import { toBatch } from "@promferry/core/delivery";
import { createSeriesDictionary, type FamilyMetadata, type MetricFamily } from "@promferry/core/series";
import { describeDestination, type ReceivedRequest, startReceiver } from "@promferry/core/testing";
import { parseExposition } from "@promferry/core/text-format";
import { expect, type TestContext, test } from "vitest";
import { createPushgateway, type PushgatewayOptions } from "./pushgateway.ts";

const unzipped = (request: ReceivedRequest): ReceivedRequest => ({
  ...request,
  body: gunzipSync(request.body),
});
const samples = ({ body }: ReceivedRequest) =>
  parseExposition(body, { format: "prometheus" }).flatMap(({ series, values, timestampsMs }) =>
    series.map((one, i) => ({ series: one, value: values[i]!, timestampMs: timestampsMs[i]! })),
  );

for (const status of [200, 202]) {
  describeDestination(`pushgateway that answers ${status}`, {
    create: (options) => createPushgateway({ ...options, job: "suite" }),
    decode: (requests) => requests.flatMap(samples),
    successStatus: status,
  });
}

describeDestination("pushgateway, gzip", {
  create: (options) => createPushgateway({ ...options, job: "suite", gzip: true }),
  decode: (requests) => requests.map(unzipped).flatMap(samples),
});

const { intern } = createSeriesDictionary();
const hits: FamilyMetadata = { name: "hits_total", type: "counter", help: "Hits.", unit: "" };
const hitsFamily = (
  labels: Record<string, string>,
  value: number,
  timestampMs = Number.NaN,
): MetricFamily => ({
  ...hits,
  series: [
    intern(
      "hits_total",
      Object.entries(labels).map(([name, text]) => ({ name, value: text })),
    ),
  ],
  values: [value],
  timestampsMs: [timestampMs],
});

async function open(
  context: TestContext,
  options: Partial<PushgatewayOptions> = {},
  answer: (request: ReceivedRequest) => number = () => 200,
) {
  const receiver = await startReceiver((request, response) => response.writeHead(answer(request)).end());
  context.onTestFinished(receiver.close);
  const gateway = createPushgateway({ url: `${receiver.url}/`, job: "nightly/backup", ...options });
  const seen = () => receiver.requests.map(({ method, path, body }) => `${method} ${path} ${body}`.trim());
  return { gateway, seen, url: receiver.url };
}

const PAGE = "# HELP hits_total Hits.\n# TYPE hits_total counter\nhits_total 3";

test("push replaces the group its labels name, slashes and all", async (context) => {
  const { gateway, seen } = await open(context, { grouping: { zone: "eu/1" } });
  await gateway.push([hitsFamily({}, 3, 1_759_752_000_000)]);
  expect(seen()).toEqual([`PUT /metrics/job@base64/bmlnaHRseS9iYWNrdXA/zone@base64/ZXUvMQ ${PAGE}`]);
});

test("add posts and delete deletes", async (context) => {
  const { gateway, seen } = await open(context);
  await gateway.add([hitsFamily({}, 3)]);
  await gateway.delete();
  expect(seen()).toEqual([
    `POST /metrics/job@base64/bmlnaHRseS9iYWNrdXA ${PAGE}`,
    "DELETE /metrics/job@base64/bmlnaHRseS9iYWNrdXA",
  ]);
});

test("a path in front of the gateway's own is kept", async (context) => {
  const { url, seen } = await open(context);
  await createPushgateway({ url: `${url}/team/gateway/`, job: "k1" }).delete();
  expect(seen()).toEqual(["DELETE /team/gateway/metrics/job/k1"]);
});

test("push without families empties the group", async (context) => {
  const { gateway, seen } = await open(context);
  await gateway.push([]);
  expect(seen()).toEqual(["PUT /metrics/job@base64/bmlnaHRseS9iYWNrdXA"]);
});

test("push takes the newest of several samples of a series", async (context) => {
  const { gateway, seen } = await open(context, { job: "k1" });
  await gateway.push([hitsFamily({}, 2, 10), hitsFamily({}, 3, 20), hitsFamily({}, 1, 5)]);
  expect(seen()).toEqual([`PUT /metrics/job/k1 ${PAGE}`]);
});

test("push rejects before any request when a label would be overwritten", async (context) => {
  const { gateway, seen } = await open(context);
  await expect(gateway.push([hitsFamily({ job: "mine" }, 1)])).rejects.toMatchObject({
    code: "ERR_DELIVERY_REJECTED",
    message: expect.stringContaining(
      "the label job would be overwritten by that of the group, for example hits_total",
    ),
  });
  expect(seen()).toEqual([]);
});

test("push is all or nothing: it does not look for what a 400 would spare", async (context) => {
  const { gateway, seen } = await open(context, {}, () => 400);
  await expect(gateway.push([hitsFamily({}, 1), { ...hitsFamily({}, 1), name: "x" }])).rejects.toMatchObject({
    code: "ERR_DELIVERY_REJECTED",
  });
  expect(seen().length).toBe(1);
});

for (const status of [201, 204]) {
  test(`a ${status} is no Pushgateway's answer`, async (context) => {
    const { gateway } = await open(context, {}, () => status);
    await expect(gateway.push([hitsFamily({}, 1)])).rejects.toMatchObject({
      code: "ERR_DELIVERY_MISCONFIGURED",
      message: expect.stringContaining("which no Pushgateway does"),
    });
  });
}

test("send makes a PUT for each version and deletes the group of one that has ended", async (context) => {
  const { gateway, seen } = await open(context, { job: "k1", grouping: { version: { label: "version" } } });
  const batch = toBatch(
    [1, 2, 3].map((version) => ({
      family: hits,
      series: intern("hits_total", [{ name: "version", value: `${version}.0` }]),
      timestampMs: 10,
      value: version === 2 ? null : 3,
    })),
  );

  expect(await gateway.send(batch)).toEqual({ accepted: 3, refused: [], unknown: 0 });
  expect(seen()).toEqual([
    `PUT /metrics/job/k1/version/1.0 ${PAGE}`,
    "DELETE /metrics/job/k1/version/2.0",
    `PUT /metrics/job/k1/version/3.0 ${PAGE}`,
  ]);
});

test("send counts what it cannot send, with reasons", async (context) => {
  const { gateway } = await open(context, { job: "k1" }, ({ body }) => (body.includes("bad") ? 400 : 200));
  const gauge = (name: string): FamilyMetadata => ({ name, type: "gauge", help: "", unit: "" });
  const row = (name: string, timestampMs: number, labels: { name: string; value: string }[] = []) => ({
    family: gauge(name),
    series: intern(name, labels),
    timestampMs,
    value: 1,
  });
  const batch = toBatch([
    row("good", 10),
    row("good", 20),
    row("bad", 20),
    row("worse_bad", 20),
    row("fine", 20),
    row("fine", 20, [{ name: "job", value: "x" }]),
  ]);

  expect(await gateway.send(batch)).toEqual({
    accepted: 2,
    refused: [
      { reason: "a Pushgateway holds one value a series: a newer one was pushed", count: 1 },
      { reason: "the label job would be overwritten by that of the group, for example fine", count: 1 },
      {
        reason: expect.stringMatching(
          /^the gateway refuses the family, for example bad \(PUT to 127\.0\.0\.1.*400.*\), worse_bad$/,
        ),
        count: 2,
      },
    ],
    unknown: 0,
  });
});

test("types that the gateway does not know are pushed as ones it knows", async (context) => {
  const { gateway, seen } = await open(context, { job: "k1" });
  const family = (name: string, type: MetricFamily["type"], sample = name): MetricFamily => ({
    name,
    type,
    help: "",
    unit: "",
    series: [intern(sample, [])],
    values: [1],
    timestampsMs: [10],
    exemplars: new Map([[0, [{ labels: [], value: 1, timestampMs: 1 }]]]),
  });
  await gateway.push([family("a", "unknown"), family("b", "info", "b_info"), family("c", "stateset")]);
  expect(seen()).toEqual([
    "PUT /metrics/job/k1 # TYPE a untyped\na 1\n# TYPE b_info gauge\nb_info 1\n# TYPE c gauge\nc 1",
  ]);
});

for (const { options, message } of [
  { options: { url: "http://a.test/metrics/job/k1" }, message: "no /metrics/job" },
  { options: { url: "http://a.test/?x=1" }, message: "no query" },
  { options: { url: "http://joe:pw@a.test/" }, message: "use the setting auth" },
  { options: { job: "" }, message: "job must not be empty" },
  { options: { grouping: { "no-dash": "x" } }, message: '"no-dash"' },
  { options: { headers: { Authorization: "x" } }, message: "use the setting auth" },
]) {
  test(`createPushgateway refuses ${JSON.stringify(options)}`, () => {
    expect(() => createPushgateway({ url: "http://a.test", job: "k1", ...options })).toThrow(message);
  });
}
