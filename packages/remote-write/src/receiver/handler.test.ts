import { connect } from "node:net";
import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { batchOf, entry, NOON, validBatch } from "../../test/batches.ts";
import { referenceEncode } from "../../test/reference-codec.ts";
import { serve } from "../../test/serve.ts";
import { createRemoteWrite } from "../sender/remote-write.ts";
import { snappyjsCodec } from "../snappy/codec.ts";
import { encodeWriteRequest } from "../write-request/encode.ts";
import {
  createRemoteWriteHandler,
  type ReceivedBatch,
  type ReceiverLimits,
  type RemoteWriteHandlerOptions,
} from "./handler.ts";

interface Started {
  readonly url: string;
  readonly batches: readonly ReceivedBatch[];
}

async function start(
  context: TestContext,
  options: Partial<RemoteWriteHandlerOptions> = {},
): Promise<Started> {
  const batches: ReceivedBatch[] = [];
  const onBatch = async (batch: ReceivedBatch): Promise<void> => void batches.push(batch);
  return { url: await serve(context, createRemoteWriteHandler({ onBatch, ...options })), batches };
}

const HEADERS = {
  "Content-Encoding": "snappy",
  "Content-Type": "application/x-protobuf",
  "X-Prometheus-Remote-Write-Version": "0.1.0",
};

function post(url: string, body: Uint8Array, headers: Record<string, string> = HEADERS): Promise<Response> {
  return fetch(url, { method: "POST", body: Uint8Array.from(body), headers });
}

const good = entry("good_total", { a: "1" }, [
  [NOON, 5],
  [NOON + 1, null],
]);
const body = snappyjsCodec.compress(encodeWriteRequest(batchOf(good)));
const received = {
  name: "good_total",
  labels: [{ name: "a", value: "1" }],
  timestampsMs: [NOON, NOON + 1],
  values: [5, null],
};

test("a batch is answered with 204 and no body once it is stored", async (context) => {
  let stored = false;
  const { url } = await start(context, {
    async onBatch() {
      await new Promise(setImmediate);
      stored = true;
    },
  });

  const response = await post(url, body);

  expect(response.status).toBe(204);
  expect(stored).toBe(true);
  expect(await response.text()).toBe("");
});

test("the consumer gets series, metadata and tenant", async (context) => {
  const { url, batches } = await start(context);
  const message = referenceEncode({
    timeseries: [
      {
        labels: [
          { name: "b", value: "" },
          { name: "a", value: "1" },
          { name: "__name__", value: "good_total" },
          { name: "A", value: "größe 🛳️" },
        ],
        samples: [{ value: 5, timestamp: NOON }],
        exemplars: [{ value: 1 }],
      },
      { labels: [{ name: "__name__", value: "empty" }] },
    ],
    metadata: [{ type: "COUNTER", metric_family_name: "good_total", help: "Good.", unit: "" }],
  });

  const response = await post(url, snappyjsCodec.compress(message), {
    ...HEADERS,
    "X-Scope-OrgID": "team-a",
  });

  expect(response.status).toBe(204);
  expect(batches).toEqual([
    {
      series: [
        {
          name: "good_total",
          labels: [
            { name: "A", value: "größe 🛳️" },
            { name: "a", value: "1" },
          ],
          timestampsMs: [NOON],
          values: [5],
          exemplars: new Map([[0, [{ labels: [], value: 1, timestampMs: 0 }]]]),
        },
      ],
      sampleCount: 1,
      metadata: [{ name: "good_total", type: "counter", help: "Good.", unit: "" }],
      protocol: 1,
      tenant: "team-a",
    },
  ]);
});

test("whatever our sender sends arrives as it was", async (context) => {
  const { url, batches } = await start(context);
  const destination = createRemoteWrite({ name: "r", url, limits: { maxFutureMs: Number.MAX_VALUE } });
  await fc.assert(
    fc.asyncProperty(validBatch, async (batch) => {
      const count = batches.length;
      expect(await destination.send(batch)).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
      const series = batches.slice(count).flatMap((one) => one.series);
      expect(series).toEqual(
        batch.series.map(({ series: { name, labels }, timestampsMs, values }) => ({
          name,
          labels,
          timestampsMs,
          values,
        })),
      );
    }),
    { numRuns: 50 },
  );
});

for (const { name, headers } of [
  { name: "no header of remote write", headers: { "Content-Type": "" } },
  {
    name: "1.0 by name",
    headers: { "Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest" },
  },
  {
    name: "other letters",
    headers: { "Content-Type": "Application/X-Protobuf", "Content-Encoding": "Snappy" },
  },
  {
    name: "a parameter that says nothing",
    headers: { "Content-Type": "application/x-protobuf; charset=utf-8" },
  },
]) {
  test(`a request with ${name} is taken`, async (context) => {
    const { url, batches } = await start(context);
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
    expect((await post(url, body, sent)).status).toBe(204);
    expect(batches).toMatchObject([{ series: [received] }]);
  });
}

test("an empty WriteRequest is a success that stores nothing", async (context) => {
  const { url, batches } = await start(context);
  expect((await post(url, Uint8Array.of(0))).status).toBe(204);
  expect(batches).toEqual([]);
});

interface Refused {
  readonly name: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly content?: Uint8Array;
  readonly limits?: Partial<ReceiverLimits>;
  readonly status: number;
  readonly text: string;
}

for (const { name, headers = {}, method = "POST", content = body, limits = {}, status, text } of [
  { name: "GET", method: "GET", status: 405, text: "remote write is sent by POST" },
  { name: "PUT", method: "PUT", status: 405, text: "remote write is sent by POST" },
  {
    name: "another media type",
    headers: { "Content-Type": "application/json" },
    status: 415,
    text: 'Content-Type must be application/x-protobuf, not "application/json"',
  },
  {
    name: "two messages at once",
    headers: {
      "Content-Type":
        "application/x-protobuf;proto=prometheus.WriteRequest;proto=io.prometheus.write.v2.Request",
    },
    status: 415,
    text: "Content-Type names two messages",
  },
  {
    name: "another message",
    headers: { "Content-Type": "application/x-protobuf;proto=io.prometheus.client.MetricFamily" },
    status: 415,
    text: 'the message must be prometheus.WriteRequest or io.prometheus.write.v2.Request, not "io.prometheus.client.MetricFamily"',
  },
  ...["gzip", "zstd", "identity", "snappy, gzip"].map((encoding) => ({
    name: `the encoding ${encoding}`,
    headers: { "Content-Encoding": encoding },
    status: 415,
    text: `Content-Encoding must be snappy, not "${encoding}"`,
  })),
  {
    name: "an empty body",
    content: new Uint8Array(0),
    status: 400,
    text: "the snappy block is corrupt: no length",
  },
  {
    name: "a message that is not compressed",
    content: encodeWriteRequest(batchOf(good)),
    status: 400,
    text: "the snappy block is corrupt",
  },
  {
    name: "no WriteRequest",
    content: snappyjsCodec.compress(Buffer.from("hello")),
    status: 400,
    text: "no WriteRequest",
  },
  {
    name: "a body over the limit",
    limits: { maxBodyBytes: 20 },
    status: 413,
    text: "the body is longer than 20 bytes",
  },
  {
    name: "a block that declares more than the limit",
    limits: { maxBytes: 30 },
    status: 413,
    text: "at most 30 are taken",
  },
  {
    name: "more samples than the limit",
    limits: { maxSamples: 1 },
    status: 413,
    text: "the write request holds more than 1 samples",
  },
] as Refused[]) {
  test(`${name} is answered with ${status} and the reason`, async (context) => {
    const { url, batches } = await start(context, { limits });
    const response = await fetch(url, {
      method,
      headers: { ...HEADERS, ...headers },
      ...(method !== "GET" && { body: Uint8Array.from(content) }),
    });
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(text);
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("Allow")).toBe(status === 405 ? "POST" : null);
    expect(batches).toEqual([]);
    expect((await post(url, snappyjsCodec.compress(Uint8Array.of()))).status).toBe(204);
  });
}

for (const { name, timeseries, text, lost = 1 } of [
  {
    name: "no name",
    timeseries: { labels: [{ name: "a", value: "1" }] },
    text: "a series without a name: the metric name is missing",
  },
  {
    name: "a repeated label",
    timeseries: {
      labels: [
        { name: "__name__", value: "bad" },
        { name: "a", value: "1" },
        { name: "a", value: "2" },
      ],
    },
    text: '"bad": a label name stands twice',
  },
  {
    name: "two names",
    timeseries: {
      labels: [
        { name: "__name__", value: "bad" },
        { name: "__name__", value: "worse" },
      ],
    },
    text: '"bad": a label name stands twice',
  },
  {
    name: "unordered samples",
    timeseries: {
      labels: [{ name: "__name__", value: "bad" }],
      samples: [{ timestamp: 2 }, { timestamp: 1 }],
    },
    text: '"bad": timestamps are not strictly ascending',
    lost: 2,
  },
  {
    name: "two samples of one time",
    timeseries: {
      labels: [{ name: "__name__", value: "bad" }],
      samples: [{ timestamp: 2 }, { timestamp: 2 }],
    },
    text: '"bad": timestamps are not strictly ascending',
    lost: 2,
  },
  {
    name: "a native histogram that does not add up",
    timeseries: {
      labels: [{ name: "__name__", value: "bad" }],
      histograms: [{ count_int: 1, timestamp: 2 }],
    },
    text: '"bad": a native histogram with 0 observations in buckets, of 1',
    lost: 2,
  },
]) {
  test(`a series with ${name} is answered with 400, the others are stored`, async (context) => {
    const { url, batches } = await start(context);
    const labels = [{ name: "__name__", value: "good_total" }];
    const message = referenceEncode({
      timeseries: [
        { samples: [{ value: 1, timestamp: 1 }], ...timeseries },
        { labels, samples: [{ value: 1, timestamp: 1 }] },
      ],
    });

    const response = await post(url, snappyjsCodec.compress(message));

    expect(response.status).toBe(400);
    expect(await response.text()).toBe(
      `1 series with ${lost} samples were not taken, 1 with 1 are stored\n${text}\n`,
    );
    expect(batches.flatMap(({ series }) => series.map((one) => one.name))).toEqual(["good_total"]);
  });
}

test("the list of invalid series is bounded", async (context) => {
  const { url } = await start(context);
  const labels = [{ name: "__name__", value: "not.classic.".repeat(1000) }];
  const message = referenceEncode({ timeseries: Array.from({ length: 1000 }, () => ({ labels })) });
  const text = await (await post(url, snappyjsCodec.compress(message))).text();
  expect(text).toContain("1000 series with 0 samples were not taken, 0 with 0 are stored");
  expect(text).toContain("and 990 more");
  expect(text.length).toBeLessThan(3000);
});

test("a consumer that fails makes the sender try again, and its words stay here", async (context) => {
  const { url } = await start(context, {
    onBatch: async () => {
      throw new Error("EIO on /home/joe/secret");
    },
  });
  const response = await post(url, body);
  expect(response.status).toBe(500);
  expect(await response.text()).toBe("the samples could not be stored; send the request again\n");
});

test("a body without a declared length is cut off at the limit, and the answer still arrives", async (context) => {
  const { url } = await start(context, { limits: { maxBodyBytes: 1000 } });
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 30; i++) yield new Uint8Array(100);
  }
  const init = { method: "POST", headers: HEADERS, body: ReadableStream.from(chunks()), duplex: "half" };
  const response = await fetch(url, init as RequestInit);
  expect(response.status).toBe(413);
});

test("a body without end is cut off", async (context) => {
  const { url } = await start(context, { limits: { maxBodyBytes: 1000 } });
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = Buffer.from(`3e8\r\n${"x".repeat(1000)}\r\n`);
  const pump = (): void => {
    if (!socket.destroyed) socket.write(chunk, () => setImmediate(pump));
  };
  pump();
  await closed;
});

test("a sender that goes away in the middle of its body stores nothing and breaks nothing", async (context) => {
  const { url, batches } = await start(context);
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
  await new Promise((resolve) => socket.write(body.subarray(0, 10), resolve));
  socket.destroy();

  expect((await post(url, body)).status).toBe(204);
  expect(batches).toHaveLength(1);
});

test("mutated bodies are answered with 204 or a 4xx, and the receiver lives on", async (context) => {
  const { url } = await start(context);
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  const mutated = fc.tuple(validBatch, flips, fc.boolean()).map(([batch, changes, inside]) => {
    const message = Uint8Array.from(encodeWriteRequest(batch));
    const flip = (bytes: Uint8Array): Uint8Array => {
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      return bytes;
    };
    return inside
      ? snappyjsCodec.compress(flip(message))
      : flip(Uint8Array.from(snappyjsCodec.compress(message)));
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.uint8Array()), async (content) => {
      const { status } = await post(url, content);
      expect([204, 400, 413]).toContain(status);
    }),
    { numRuns: 300 },
  );
  expect((await post(url, body)).status).toBe(204);
});
