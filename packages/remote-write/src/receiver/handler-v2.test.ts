import fc from "fast-check";
import { expect, type TestContext, test } from "vitest";
import { batchOf, entry, NOON, validBatchV2 } from "../../test/batches.ts";
import { referenceEncode, referenceEncodeV2 } from "../../test/reference-codec.ts";
import { serve } from "../../test/serve.ts";
import { encodeRequestV2 } from "../request-v2/encode.ts";
import { createRemoteWrite } from "../sender/remote-write.ts";
import { snappyjsCodec } from "../snappy/codec.ts";
import { BatchRefusal } from "./batch-refusal.ts";
import { createRemoteWriteHandler, type ReceivedBatch, type RemoteWriteHandlerOptions } from "./handler.ts";

async function start(context: TestContext, options: Partial<RemoteWriteHandlerOptions> = {}) {
  const batches: ReceivedBatch[] = [];
  const onBatch = async (batch: ReceivedBatch): Promise<void> => void batches.push(batch);
  return { url: await serve(context, createRemoteWriteHandler({ onBatch, ...options })), batches };
}

const V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

function post(url: string, message: Uint8Array, contentType = V2): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: Uint8Array.from(snappyjsCodec.compress(message)),
    headers: {
      "Content-Encoding": "snappy",
      "Content-Type": contentType,
      "X-Prometheus-Remote-Write-Version": "2.0.0",
    },
  });
}

/** Samples, histograms and exemplars, as the answer counts them. */
const written = ({ headers }: Response): (string | null)[] =>
  ["Samples", "Histograms", "Exemplars"].map((what) =>
    headers.get(`X-Prometheus-Remote-Write-${what}-Written`),
  );

const good = entry("good_total", { a: "1" }, [
  [NOON, 5],
  [NOON + 1, null],
]);

test("a batch of 2.0 is answered with 204, no body, and what was written", async (context) => {
  const { url, batches } = await start(context);
  const response = await post(url, encodeRequestV2(batchOf(good)));
  expect(response.status).toBe(204);
  expect(await response.text()).toBe("");
  expect(written(response)).toEqual(["2", "0", "0"]);
  expect(batches).toEqual([
    {
      series: [
        {
          name: "good_total",
          labels: [{ name: "a", value: "1" }],
          timestampsMs: [NOON, NOON + 1],
          values: [5, null],
        },
      ],
      sampleCount: 2,
      metadata: [{ name: "good_total", type: "gauge", help: "", unit: "" }],
      protocol: 2,
      tenant: undefined,
    },
  ]);
});

test("whatever our sender sends as 2.0 arrives as it was, and the count is right", async (context) => {
  const { url, batches } = await start(context);
  const destination = createRemoteWrite({
    name: "r",
    url,
    protocol: 2,
    limits: { maxFutureMs: Number.MAX_VALUE },
  });
  await fc.assert(
    fc.asyncProperty(validBatchV2, async (batch) => {
      const count = batches.length;
      expect(await destination.send(batch)).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
      expect(batches.slice(count).flatMap(({ series }) => series)).toEqual(
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

for (const contentType of [
  V2,
  'application/x-protobuf; Proto="io.prometheus.write.v2.Request"',
  "Application/X-Protobuf ; charset=utf-8; proto=io.prometheus.write.v2.Request",
]) {
  test(`the content type ${contentType} is 2.0`, async (context) => {
    const { url, batches } = await start(context);
    expect((await post(url, encodeRequestV2(batchOf(good)), contentType)).status).toBe(204);
    expect(batches).toMatchObject([{ protocol: 2, sampleCount: 2 }]);
  });
}

test("1.0 at the same path is counted too", async (context) => {
  const { url, batches } = await start(context);
  const labels = [{ name: "__name__", value: "m" }];
  const message = referenceEncode({ timeseries: [{ labels, samples: [{ value: 1, timestamp: 1 }] }] });
  const response = await post(url, message, "application/x-protobuf");
  expect(response.status).toBe(204);
  expect(written(response)).toEqual(["1", "0", "0"]);
  expect(batches).toMatchObject([{ protocol: 1, sampleCount: 1 }]);
});

const symbols = ["", "__name__", "bad", "good_total", "a", "1", "2"];
const samples = [{ value: 1, timestamp: 1 }];

for (const { name, timeseries, text, lost = 1 } of [
  {
    name: "no name",
    timeseries: { labels_refs: [4, 5] },
    text: "a series without a name: the metric name is missing",
  },
  {
    name: "no labels",
    timeseries: {},
    text: "a series without a name: the metric name is missing",
  },
  {
    name: "a repeated label",
    timeseries: { labels_refs: [1, 2, 4, 5, 4, 6] },
    text: '"bad": a label name stands twice',
  },
  {
    name: "an empty label name",
    timeseries: { labels_refs: [1, 2, 0, 5] },
    text: '"bad": a label name is empty',
  },
  {
    name: "unordered samples",
    timeseries: { labels_refs: [1, 2], samples: [{ timestamp: 2 }, { timestamp: 1 }] },
    text: '"bad": timestamps are not strictly ascending',
    lost: 2,
  },
  {
    name: "a native histogram that does not add up",
    timeseries: { labels_refs: [1, 2], samples: [], histograms: [{ count_int: 1 }] },
    text: '"bad": a native histogram with 0 observations in buckets, of 1',
  },
  {
    name: "samples and histograms at once",
    timeseries: { labels_refs: [1, 2], histograms: [{ sum: 1 }] },
    text: '"bad": it has both samples and histograms',
    lost: 2,
  },
  {
    name: "nothing to write",
    timeseries: { labels_refs: [1, 2], samples: [] },
    text: '"bad": there is no sample',
    lost: 0,
  },
]) {
  test(`a series of 2.0 with ${name} is a partial write: 400, the others are stored and counted`, async (context) => {
    const { url, batches } = await start(context);
    const message = referenceEncodeV2({
      symbols,
      timeseries: [
        { samples, ...timeseries },
        { labels_refs: [1, 3], samples },
      ],
    });

    const response = await post(url, message);

    expect(response.status).toBe(400);
    expect(await response.text()).toBe(
      `1 series with ${lost} samples were not taken, 1 with 1 are stored\n${text}\n`,
    );
    expect(written(response)).toEqual(["1", "0", "0"]);
    expect(batches.flatMap(({ series }) => series.map((one) => one.name))).toEqual(["good_total"]);
  });
}

test("histograms and exemplars are counted, exemplars where a sample of their series came with them", async (context) => {
  const { url, batches } = await start(context);
  const exemplars = [{ value: 1, timestamp: 1 }];
  const histograms = [
    { count_int: 1, zero_count_int: 1, timestamp: 3 },
    { sum: 5, timestamp: 5 },
  ];
  const message = referenceEncodeV2({
    symbols,
    timeseries: [
      { labels_refs: [1, 3], samples, exemplars },
      { labels_refs: [1, 3], exemplars: [{ value: 2, timestamp: 2 }] },
      { labels_refs: [1, 2], histograms, exemplars: [{ value: 3, timestamp: 4 }] },
      { labels_refs: [1, 5], exemplars },
    ],
  });
  const response = await post(url, message);
  expect(response.status).toBe(204);
  expect(written(response)).toEqual(["1", "2", "3"]);
  const exemplar = (value: number, timestampMs: number) => ({ labels: [], value, timestampMs });
  expect(batches).toMatchObject([
    {
      sampleCount: 3,
      series: [
        { name: "good_total", exemplars: new Map([[0, [exemplar(1, 1), exemplar(2, 2)]]]) },
        {
          name: "bad",
          timestampsMs: [3, 5],
          values: [{ zeroCount: 1 }, { sum: 5 }],
          exemplars: new Map([[1, [exemplar(3, 4)]]]),
        },
      ],
    },
  ]);
});

test("as many exemplars of one series as a request may hold take no longer than others", async (context) => {
  const { url, batches } = await start(context);
  const count = 15_000;
  const message = referenceEncodeV2({
    symbols,
    timeseries: [
      {
        labels_refs: [1, 3],
        samples: Array.from({ length: count }, (_, i) => ({ timestamp: 2 * i + 1 })),
        exemplars: Array.from({ length: count }, () => ({ timestamp: 2 * count })),
      },
      ...Array.from({ length: count }, (_, i) => ({
        labels_refs: [1, 3],
        exemplars: [{ value: i, timestamp: 2 * i }],
      })),
    ],
  });

  const response = await post(url, message);

  expect(written(response)).toEqual([String(count), "0", String(2 * count)]);
  const exemplars = batches[0]!.series[0]!.exemplars!;
  expect(exemplars.get(0)).toEqual([{ labels: [], value: 0, timestampMs: 0 }]);
  expect(exemplars.get(7)).toEqual([{ labels: [], value: 7, timestampMs: 14 }]);
  expect(exemplars.get(count - 1)).toHaveLength(count + 1);
});

for (const { name, message, options = {}, status, text } of [
  {
    name: "a reference behind the table",
    message: referenceEncodeV2({ symbols: [""], timeseries: [{ labels_refs: [0, 9], samples }] }),
    status: 400,
    text: "labels_refs refers to symbol 9 of 1",
  },
  {
    name: "a message of 1.0",
    message: referenceEncode({ timeseries: [{ labels: [{ name: "__name__", value: "m" }] }] }),
    status: 400,
    text: "it is prometheus.WriteRequest of 1.0",
  },
  {
    name: "too many symbols",
    message: referenceEncodeV2({ symbols }),
    options: { limits: { maxSymbols: 3 } },
    status: 413,
    text: "the write request holds more than 3 symbols",
  },
  {
    name: "a body over the limit",
    message: referenceEncodeV2({ symbols }),
    options: { limits: { maxBodyBytes: 3 } },
    status: 413,
    text: "the body is longer than 3 bytes",
  },
  {
    name: "a consumer that fails",
    message: encodeRequestV2(batchOf(good)),
    options: {
      onBatch: async () => {
        throw new Error("EIO");
      },
    },
    status: 500,
    text: "the samples could not be stored",
  },
  {
    name: "a batch that its consumer will never take",
    message: encodeRequestV2(batchOf(good)),
    options: {
      onBatch: async () => {
        throw new BatchRefusal("ERR_BATCH_INVALID", "no place for times before 1970");
      },
    },
    status: 400,
    text: "no place for times before 1970",
  },
  {
    name: "a batch that is too large for its consumer",
    message: encodeRequestV2(batchOf(good)),
    options: {
      onBatch: async () => {
        throw new BatchRefusal("ERR_BATCH_TOO_LARGE", "send fewer samples at once");
      },
    },
    status: 413,
    text: "send fewer samples at once",
  },
]) {
  test(`${name} is answered with ${status}, and the headers say that nothing was written`, async (context) => {
    const { url, batches } = await start(context, options);
    const response = await post(url, message);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(text);
    expect(written(response)).toEqual(["0", "0", "0"]);
    expect(batches).toEqual([]);
  });
}

for (const { name, init } of [
  { name: "GET", init: {} },
  { name: "another media type", init: { method: "POST", headers: { "Content-Type": "application/json" } } },
  {
    name: "another encoding",
    init: { method: "POST", headers: { "Content-Type": V2, "Content-Encoding": "zstd" } },
  },
]) {
  test(`${name} is refused before anything is counted`, async (context) => {
    const { url } = await start(context);
    const response = await fetch(url, init);
    expect([405, 415]).toContain(response.status);
    expect(written(response)).toEqual([null, null, null]);
  });
}

test("mutated bodies of 2.0 are answered with 204 or a 4xx, and the receiver lives on", async (context) => {
  const { url } = await start(context);
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  const mutated = fc.tuple(validBatchV2, flips).map(([batch, changes]) => {
    const message = Uint8Array.from(encodeRequestV2(batch));
    for (const [at, byte] of changes) if (message.length > 0) message[at % message.length] = byte;
    return message;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, fc.uint8Array()), async (message) => {
      const response = await post(url, message);
      expect([204, 400, 413]).toContain(response.status);
      expect(written(response)).toEqual([expect.stringMatching(/^\d+$/), "0", "0"]);
    }),
    { numRuns: 200 },
  );
  expect((await post(url, encodeRequestV2(batchOf(good)))).status).toBe(204);
});
