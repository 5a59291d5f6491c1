import type { Batch, Destination } from "@promferry/core/delivery";
import { createSeriesDictionary } from "@promferry/core/series";
import {
  type Answer,
  type DecodedSample,
  describeDestination,
  type ReceivedRequest,
  startReceiver,
} from "@promferry/core/testing";
import { expect, type TestContext, test } from "vitest";
import { batchOf, entry, NOON } from "../../test/batches.ts";
import { decodeRequestV2 } from "../request-v2/decode.ts";
import { snappyjsCodec } from "../snappy/codec.ts";
import { createRemoteWrite, type RemoteWriteOptions } from "./remote-write.ts";

const V1 = "application/x-protobuf";
const V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
const SAMPLES_WRITTEN = "X-Prometheus-Remote-Write-Samples-Written";

function samplesOf({ body }: ReceivedRequest): DecodedSample[] {
  const { intern } = createSeriesDictionary();
  const { series } = decodeRequestV2(snappyjsCodec.uncompress(body, 1e7));
  return series.flatMap(({ labels, timestampsMs, values }) => {
    const name = labels.find((label) => label.name === "__name__")?.value ?? "";
    const one = intern(
      name,
      labels.filter((label) => label.name !== "__name__"),
    );
    return values.map((value, i) => ({ series: one, timestampMs: timestampsMs[i]!, value }));
  });
}

for (const protocol of [2, "auto"] as const) {
  describeDestination(`remote write 2.0, protocol ${protocol}`, {
    create: ({ url, ...options }) => createRemoteWrite({ ...options, protocol, url: `${url}/api/v1/write` }),
    decode: (requests) => requests.flatMap(samplesOf),
    successStatus: 204,
    successHeaders: { [SAMPLES_WRITTEN]: "1" },
  });
}

const options: RemoteWriteOptions = { name: "prom", url: "http://prom.test/api/v1/write", now: () => NOON };
const good = batchOf(entry("good_total", { a: "1" }, [[NOON, 5]]));
const accepted = { accepted: 1, refused: [], unknown: 0 };

interface Started {
  readonly destination: Destination;
  readonly requests: readonly ReceivedRequest[];
  /** Content types of the requests so far. */
  types(): (string | undefined)[];
}

async function start(
  { onTestFinished }: TestContext,
  protocol: 2 | "auto",
  answer: Answer,
): Promise<Started> {
  const receiver = await startReceiver(answer);
  onTestFinished(receiver.close);
  return {
    destination: createRemoteWrite({ ...options, url: receiver.url, protocol }),
    requests: receiver.requests,
    types: () => receiver.requests.map(({ headers }) => headers["content-type"]),
  };
}

const isV2 = ({ headers }: ReceivedRequest): boolean => headers["content-type"] === V2;

/** A receiver that answers 2.0 thus, and takes whatever comes as 1.0. */
const toV2 =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (request, response) => {
    if (isV2(request)) response.writeHead(status, headers).end("words of the receiver");
    else response.writeHead(204).end();
  };

test("the request carries the headers of 2.0 byte for byte", async (context) => {
  const { destination, requests } = await start(context, 2, toV2(204, { [SAMPLES_WRITTEN]: "1" }));
  expect(await destination.send(good)).toEqual(accepted);
  expect(requests[0]?.method).toBe("POST");
  expect(requests[0]?.headers).toMatchObject({
    "content-encoding": "snappy",
    "content-type": V2,
    "user-agent": expect.stringMatching(/^promferry\/\d+\.\d+\.\d+/),
    "x-prometheus-remote-write-version": "2.0.0",
  });
});

test("names that 1.0 forbids are sent as 2.0, and what 2.0 forbids is refused", async (context) => {
  const { destination, requests } = await start(context, 2, toV2(204, { [SAMPLES_WRITTEN]: "1" }));
  const receipt = await destination.send(
    batchOf(
      entry("http.größe", { "a.b": "1" }, [[NOON, 1]]),
      entry("", {}, [[NOON, 1]]),
      entry("half\ud83d", {}, [[NOON, 1]]),
      entry("half", { "\ud83d": "x" }, [[NOON, 1]]),
    ),
  );
  expect(receipt).toEqual({
    accepted: 1,
    refused: [
      { reason: "the metric name is missing", count: 1 },
      { reason: expect.stringContaining("a metric name is not valid Unicode"), count: 1 },
      { reason: expect.stringContaining("a label name is not valid Unicode"), count: 1 },
    ],
    unknown: 0,
  });
  expect(requests.flatMap(samplesOf).map(({ series }) => series.name)).toEqual(["http.größe"]);
});

for (const { name, status = 204, headers, unknown } of [
  { name: "one sample is a success", headers: { [SAMPLES_WRITTEN]: "1" }, unknown: 0 },
  { name: "a status of 200 is one too", status: 200, headers: { [SAMPLES_WRITTEN]: "1" }, unknown: 0 },
  { name: "too many samples is a success", headers: { [SAMPLES_WRITTEN]: "99" }, unknown: 0 },
  { name: "what is no number is a success", headers: { [SAMPLES_WRITTEN]: "some" }, unknown: 0 },
  {
    name: "histograms alone is a success",
    headers: { [SAMPLES_WRITTEN]: "0", "X-Prometheus-Remote-Write-Histograms-Written": "1" },
    unknown: 0,
  },
  { name: "no sample at all is unknown", headers: { [SAMPLES_WRITTEN]: "0" }, unknown: 1 },
  {
    name: "histograms and exemplars only is unknown",
    headers: {
      "X-Prometheus-Remote-Write-Histograms-Written": "0",
      "X-Prometheus-Remote-Write-Exemplars-Written": "0",
    },
    unknown: 1,
  },
]) {
  for (const protocol of [2, "auto"] as const) {
    test(`a 2xx that counts ${name}, with protocol ${protocol}`, async (context) => {
      const { destination, types } = await start(context, protocol, toV2(status, headers));
      expect(await destination.send(good)).toEqual({ accepted: 1 - unknown, refused: [], unknown });
      expect(types()).toEqual([V2]);
    });
  }
}

for (const { status, text } of [
  { status: 204, text: "was answered with 204, but without the headers" },
  { status: 200, text: "so it knows 1.0 only and nothing was stored; set protocol to 1, or to auto" },
  { status: 415, text: "it does not take remote write 2.0, set protocol to 1, or to auto" },
]) {
  test(`a receiver that answers 2.0 with a bare ${status} is misconfigured for protocol 2`, async (context) => {
    const { destination, types } = await start(context, 2, toV2(status));
    const sent = destination.send(good);
    await expect(sent).rejects.toMatchObject({
      name: "DeliveryError",
      code: "ERR_DELIVERY_MISCONFIGURED",
      status,
      retryable: false,
      inDoubt: false,
    });
    await expect(sent).rejects.toThrow(text);
    expect(types()).toEqual([V2]);
  });

  test(`auto sends the same batch as 1.0 after a bare ${status}, and everything after it`, async (context) => {
    const { destination, requests, types } = await start(context, "auto", toV2(status));
    const asV1 = createRemoteWrite({ ...options, protocol: 1 }).encode(good).requests[0]?.body;

    expect(await destination.send(good)).toEqual(accepted);
    expect(await destination.send(good)).toEqual(accepted);

    expect(types()).toEqual([V2, V1, V1]);
    expect(requests[1]?.body).toEqual(Buffer.from(asV1!));
    expect(requests[1]?.headers["x-prometheus-remote-write-version"]).toBe("0.1.0");
    expect(destination.encode(good).requests[0]?.body).toEqual(asV1);
  });
}

test("a receiver that takes no 1.0 is misconfigured for protocol 1, so that nothing is given up", async (context) => {
  const receiver = await startReceiver((_, response) => response.writeHead(415).end("only 2.0"));
  context.onTestFinished(receiver.close);
  const sent = createRemoteWrite({ ...options, url: receiver.url }).send(good);
  await expect(sent).rejects.toMatchObject({ code: "ERR_DELIVERY_MISCONFIGURED", status: 415 });
  await expect(sent).rejects.toThrow(
    /: only 2\.0; .*; it does not take remote write 1\.0, set protocol to 2/,
  );
});

test("a receiver that takes neither version is misconfigured for auto", async (context) => {
  const { destination, types } = await start(context, "auto", (_, response) => response.writeHead(415).end());
  await expect(destination.send(good)).rejects.toMatchObject({ code: "ERR_DELIVERY_MISCONFIGURED" });
  expect(types()).toEqual([V2, V1]);
});

test("auto shows requests of 2.0 until it knows better", () => {
  const auto = createRemoteWrite({ ...options, protocol: "auto" });
  expect(auto.encode(good)).toEqual(createRemoteWrite({ ...options, protocol: 2 }).encode(good));
});

test("auto takes a first 400 for a 415, if the receiver then takes 1.0", async (context) => {
  const { destination, types } = await start(context, "auto", toV2(400));
  expect(await destination.send(good)).toEqual(accepted);
  expect(await destination.send(good)).toEqual(accepted);
  expect(types()).toEqual([V2, V1, V1]);
});

test("a 400 that says what was written is about the batch, and auto stays with 2.0", async (context) => {
  const { destination, types } = await start(context, "auto", toV2(400, { [SAMPLES_WRITTEN]: "0" }));
  await expect(destination.send(good)).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400 });
  await expect(destination.send(good)).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400 });
  expect(types()).toEqual([V2, V2]);
});

for (const { said, receipt } of [
  { said: "1", receipt: { accepted: 1, refused: [{ reason: expect.any(String), count: 2 }], unknown: 0 } },
  { said: "2", receipt: { accepted: 2, refused: [{ reason: expect.any(String), count: 1 }], unknown: 0 } },
  { said: "0", receipt: undefined },
  { said: "3", receipt: undefined },
  { said: "some", receipt: undefined },
]) {
  for (const protocol of [2, "auto"] as const) {
    const what = receipt ? "is a partial write" : "is a refusal";
    test(`a 400 that says that ${said} of three samples were written ${what}, with protocol ${protocol}`, async (context) => {
      const { destination, types } = await start(context, protocol, toV2(400, { [SAMPLES_WRITTEN]: said }));
      const sent = destination.send(
        batchOf(
          entry("good_total", { a: "1" }, [[NOON, 5]]),
          entry("up", {}, [
            [NOON, 1],
            [NOON + 1, 0],
          ]),
        ),
      );
      if (receipt) {
        expect(await sent).toEqual(receipt);
        expect((await sent).refused[0]?.reason).toContain("was answered with 400: words of the receiver");
      } else await expect(sent).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400 });
      expect(types()).toEqual([V2]);
    });
  }
}

test("a 400 after a success is about the batch", async (context) => {
  let status = 204;
  const { destination, types } = await start(context, "auto", (request, response) => {
    toV2(status, status === 204 ? { [SAMPLES_WRITTEN]: "1" } : {})(request, response);
    status = 400;
  });
  await destination.send(good);
  await expect(destination.send(good)).rejects.toMatchObject({ status: 400 });
  expect(types()).toEqual([V2, V2]);
});

test("a 415 after a success makes auto fall back all the same", async (context) => {
  let status = 204;
  const { destination, types } = await start(context, "auto", (request, response) => {
    toV2(status, status === 204 ? { [SAMPLES_WRITTEN]: "1" } : {})(request, response);
    status = 415;
  });
  await destination.send(good);
  expect(await destination.send(good)).toEqual(accepted);
  expect(types()).toEqual([V2, V2, V1]);
});

test("a batch that is refused in both versions decides nothing", async (context) => {
  let status = 400;
  const { destination, types } = await start(context, "auto", (request, response) => {
    if (status === 400 || isV2(request)) response.writeHead(status).end("out of order");
    else response.writeHead(204).end();
  });
  await expect(destination.send(good)).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400 });
  status = 415;
  expect(await destination.send(good)).toEqual(accepted);
  expect(types()).toEqual([V2, V1, V2, V1]);
});

test("a batch that 1.0 can't carry decides nothing either", async (context) => {
  const { destination, types } = await start(context, "auto", toV2(400));
  const dotted = batchOf(entry("http.requests", {}, [[NOON, 1]]));
  expect(await destination.send(dotted)).toMatchObject({ accepted: 0, refused: [{ count: 1 }], unknown: 0 });
  await destination.send(good);
  expect(types()).toEqual([V2, V2, V1]);
});

test("a receiver that refuses the batch as 2.0 and knows no 1.0 is taken at its first word", async (context) => {
  const { destination, types } = await start(context, "auto", (request, response) => {
    response.writeHead(isV2(request) ? 400 : 415).end(isV2(request) ? "out of order" : "only 2.0");
  });
  for (let i = 0; i < 2; i++) {
    const sent = destination.send(good);
    await expect(sent).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400 });
    await expect(sent).rejects.toThrow("out of order");
  }
  expect(types()).toEqual([V2, V1, V2]);
});

for (const { status, code } of [
  { status: 401, code: "ERR_DELIVERY_UNAUTHORIZED" },
  { status: 404, code: "ERR_DELIVERY_MISCONFIGURED" },
  { status: 413, code: "ERR_DELIVERY_TOO_LARGE" },
  { status: 429, code: "ERR_DELIVERY_OVERLOADED" },
  { status: 503, code: "ERR_DELIVERY_OVERLOADED" },
]) {
  test(`a ${status} tells auto nothing about versions`, async (context) => {
    const { destination, types } = await start(context, "auto", toV2(status));
    await expect(destination.send(good)).rejects.toMatchObject({ code, status });
    await expect(destination.send(good)).rejects.toMatchObject({ code, status });
    expect(types()).toEqual([V2, V2]);
  });
}

test("what auto learned outlives a failure of the first request of 1.0", async (context) => {
  let down = true;
  const { destination, types } = await start(context, "auto", (request, response) => {
    response.writeHead(isV2(request) ? 415 : down ? 503 : 204).end();
    if (!isV2(request)) down = false;
  });
  await expect(destination.send(good)).rejects.toMatchObject({ code: "ERR_DELIVERY_OVERLOADED" });
  expect(await destination.send(good, { attempt: 2 })).toEqual(accepted);
  expect(types()).toEqual([V2, V1, V1]);
});

test("each destination finds out for itself", async (context) => {
  const answer = toV2(415);
  const { destination, requests, types } = await start(context, "auto", answer);
  await destination.send(good);
  const host = `http://${requests[0]?.headers["host"]}`;
  await createRemoteWrite({ ...options, url: host, protocol: "auto" }).send(good);
  expect(types()).toEqual([V2, V1, V2, V1]);
});

test("no request is made when nothing is left to send", async () => {
  const fetch = () => {
    throw new Error("must not be called");
  };
  const nothing: Batch = batchOf(entry("", {}, [[NOON, 1]]));
  for (const protocol of [2, "auto"] as const) {
    const destination = createRemoteWrite({ ...options, fetch, protocol });
    expect(await destination.send(nothing)).toMatchObject({ accepted: 0, refused: [{ count: 1 }] });
    expect(destination.encode(nothing)).toMatchObject({ requests: [], refused: [{ count: 1 }] });
  }
});

for (const { name, limits, message } of [
  { name: "samples", limits: { maxSamples: 1 }, message: "2 samples in" },
  { name: "bytes", limits: { maxBytes: 50 }, message: "limit of 20000 samples and 50 bytes" },
]) {
  test(`a batch of more ${name} than the limit is too large for 2.0 before it is sent`, async () => {
    const fetch = () => {
      throw new Error("must not be called");
    };
    const destination = createRemoteWrite({ ...options, fetch, limits, protocol: 2 });
    const batch = batchOf(...good.series, entry("other_total", {}, [[NOON, 5]]));
    await expect(destination.send(batch)).rejects.toMatchObject({ code: "ERR_DELIVERY_TOO_LARGE" });
    await expect(destination.send(batch)).rejects.toThrow(message);
  });
}
