import { createSeriesDictionary } from "@promferry/core/series";
import { type DecodedSample, describeDestination, startReceiver } from "@promferry/core/testing";
import { expect, test } from "vitest";
import { batchOf, entry, NOON } from "../../test/batches.ts";
import { snappyjsCodec } from "../snappy/codec.ts";
import { decodeWriteRequest } from "../write-request/decode.ts";
import { createRemoteWrite, type RemoteWriteOptions } from "./remote-write.ts";

const MIB = 1024 * 1024;

function samplesOf(body: Uint8Array): DecodedSample[] {
  const { intern } = createSeriesDictionary();
  const { series } = decodeWriteRequest(snappyjsCodec.uncompress(body, 32 * MIB));
  return series.flatMap(({ labels, timestampsMs, values }) => {
    const name = labels.find((label) => label.name === "__name__")?.value ?? "";
    const one = intern(
      name,
      labels.filter((label) => label.name !== "__name__"),
    );
    return values.map((value, i) => ({ series: one, timestampMs: timestampsMs[i]!, value }));
  });
}

describeDestination("remote write 1.0", {
  create: (options) => createRemoteWrite({ ...options, url: `${options.url}/api/v1/write` }),
  decode: (requests) => requests.flatMap(({ body }) => samplesOf(body)),
  successStatus: 204,
});

const options: RemoteWriteOptions = { name: "prom", url: "http://prom.test/api/v1/write", now: () => NOON };
const good = entry("good_total", { a: "1" }, [[NOON, 5]]);

test("the request carries the headers of 1.0 and nothing else of ours", async ({ onTestFinished }) => {
  const receiver = await startReceiver((_, response) => response.writeHead(204).end());
  onTestFinished(receiver.close);
  const url = `${receiver.url}/api/v1/write?extra_label=a%3Db`;

  await createRemoteWrite({ ...options, url, tenant: "team-a" }).send(batchOf(good));

  const [request] = receiver.requests;
  expect(`${request?.method} ${request?.path}`).toBe("POST /api/v1/write?extra_label=a%3Db");
  expect(request?.headers).toMatchObject({
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "user-agent": expect.stringMatching(/^promferry\/\d+\.\d+\.\d+/),
    "x-prometheus-remote-write-version": "0.1.0",
    "x-scope-orgid": "team-a",
    "content-length": String(request?.body.length),
  });
});

test("a tenant goes in the path for gateways that want it there, and then in no header", () => {
  const destination = createRemoteWrite({ ...options, tenant: "team-a", tenantInPath: true });
  const [request] = destination.encode(batchOf(good)).requests;
  expect(request?.url).toBe("http://prom.test/tenant/team-a/api/v1/write");
  expect(Object.keys(request?.headers ?? {})).not.toContain("X-Scope-OrgID");
});

test("the identity is type, URL and tenant, and shows no query", () => {
  const identity = (more: Partial<RemoteWriteOptions>): string =>
    createRemoteWrite({ ...options, ...more }).identity;
  expect(identity({})).toBe("remote-write http://prom.test/api/v1/write");
  expect(identity({ tenant: "a" })).toBe("remote-write http://prom.test/api/v1/write tenant=a");
  expect(identity({ tenant: "a", tenantInPath: true })).toBe(identity({ tenant: "a" }));
  const keyed = identity({ url: `${options.url}?key=s3cret` });
  expect(keyed).not.toContain("s3cret");
  expect(keyed).not.toBe(identity({ url: `${options.url}?key=other` }));
});

test("what 1.0 forbids is counted as refused, the rest is sent", async ({ onTestFinished }) => {
  const receiver = await startReceiver((_, response) => response.writeHead(204).end());
  onTestFinished(receiver.close);
  const bad = entry("no.classic.name", {}, [[NOON, 1]]);
  const future = entry("future", {}, [
    [NOON + 600_000, 1],
    [NOON + 600_001, 2],
  ]);

  const receipt = await createRemoteWrite({ ...options, url: receiver.url }).send(batchOf(bad, good, future));

  expect(receipt).toEqual({
    accepted: 2,
    refused: [
      { reason: expect.stringContaining("a metric name does not match"), count: 1 },
      { reason: expect.stringContaining("later than the receiver's clock allows"), count: 1 },
    ],
    unknown: 0,
  });
  const sent = receiver.requests.flatMap(({ body }) => samplesOf(body));
  expect(sent.map(({ series, timestampMs }) => `${series.name} ${timestampMs}`)).toEqual([
    `good_total ${NOON}`,
    `future ${NOON + 600_000}`,
  ]);
});

test("no request is made when nothing is left to send", async () => {
  const fetch = () => {
    throw new Error("must not be called");
  };
  const receipt = await createRemoteWrite({ ...options, fetch }).send(batchOf(entry("a.b", {}, [[NOON, 1]])));
  expect(receipt).toMatchObject({ accepted: 0, refused: [{ count: 1 }], unknown: 0 });
});

for (const { name, limits, message } of [
  { name: "samples", limits: { maxSamples: 1 }, message: "2 samples in 97 bytes" },
  { name: "bytes", limits: { maxBytes: 50 }, message: "limit of 20000 samples and 50 bytes" },
]) {
  test(`a batch of more ${name} than the limit is too large before it is sent`, async () => {
    const fetch = () => {
      throw new Error("must not be called");
    };
    const destination = createRemoteWrite({ ...options, fetch, limits });
    const batch = batchOf(good, entry("other_total", {}, [[NOON, 5]]));
    const tooLarge = { name: "DeliveryError", code: "ERR_DELIVERY_TOO_LARGE" };
    await expect(destination.send(batch)).rejects.toMatchObject(tooLarge);
    await expect(destination.send(batch)).rejects.toThrow(message);
    expect(() => destination.encode(batch)).toThrow(expect.objectContaining(tooLarge));
  });
}

test("another snappy codec can compress", () => {
  const snappy = { ...snappyjsCodec, compress: () => Uint8Array.of(1, 2, 3) };
  const [request] = createRemoteWrite({ ...options, snappy }).encode(batchOf(good)).requests;
  expect(request?.body).toEqual(Uint8Array.of(1, 2, 3));
});

for (const { name, more, message } of [
  { name: "protocol 3", more: { protocol: 3 }, message: 'protocol must be 1, 2 or "auto", not 3' },
  { name: "protocol null", more: { protocol: null }, message: "not null" },
  { name: "a protocol in quotes", more: { protocol: "2" }, message: 'not "2"' },
  { name: "no absolute URL", more: { url: "prom.test/api" }, message: /^url / },
  { name: "another scheme", more: { url: "ftp://prom.test" }, message: "not ftp:" },
  { name: "credentials in the URL", more: { url: "http://u:p4ss@prom.test/" }, message: "prom.test" },
  { name: "an empty tenant", more: { tenant: "" }, message: 'tenant ""' },
  { name: "a tenant that Cortex answers with 500", more: { tenant: "a/b" }, message: 'tenant "a/b"' },
  { name: "a tenant of two dots", more: { tenant: ".." }, message: 'tenant ".."' },
  { name: "tenantInPath alone", more: { tenantInPath: true }, message: "tenantInPath needs a tenant" },
  ...[
    "Content-Type",
    "content-encoding",
    "User-Agent",
    "X-Prometheus-Remote-Write-Version",
    "Authorization",
    "Host",
    "Content-Length",
    "Connection",
    "Retry-Attempt",
    "X-Scope-OrgID",
  ].map((header) => ({
    name: `the header ${header}`,
    more: { headers: { [header]: "x" } },
    message: header,
  })),
]) {
  test(`${name} is a TypeError that says so`, () => {
    const create = (): unknown => createRemoteWrite({ ...options, ...more } as RemoteWriteOptions);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
    expect(create).not.toThrow("p4ss");
  });
}
