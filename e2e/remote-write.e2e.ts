import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteWrite, createSnappyCodec } from "@promferry/remote-write";
import { compressSync } from "snappy";
import { expect, test } from "vitest";
import {
  exportedSamples,
  query,
  requireServer,
  runPromtool,
  samplesOf,
  startPrometheus,
  startVictoriaMetrics,
} from "./harness/index.ts";
import { PAGE, startReceiver, startSender } from "./remote-write/receiver.ts";
import { batchOf, line, lines, START_MS, series, TEXTS, VALUES } from "./remote-write/samples.ts";

test("Prometheus gives every sample back with its exact value and time", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write` });
  const values = series(
    "rw_value",
    { Zone: "a", _: "b", unit: "c" },
    VALUES.map((value, i) => [i * 7001, value]),
  );
  const texts = TEXTS.map((text, i) => series("rw_text", { text, i: String(i), empty: "" }, [[i, i]]));
  const batch = batchOf(values, ...texts);

  expect(await destination.send(batch)).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });

  expect(lines(await samplesOf(prometheus.url, "rw_value", START_MS, START_MS + 100_000))).toEqual(
    VALUES.map((value, i) => line({ Zone: "a", __name__: "rw_value", _: "b", unit: "c" }, i * 7001, value)),
  );
  expect(lines(await samplesOf(prometheus.url, "rw_text", START_MS, START_MS + 100_000)).sort()).toEqual(
    TEXTS.map((text, i) => line({ __name__: "rw_text", i: String(i), text }, i, i)).sort(),
  );
});

test("with an out-of-order window Prometheus takes days-old samples, and again without a copy", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
  context.onTestFinished(prometheus.stop);
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write` });
  const days = 24 * 3600_000;
  await destination.send(batchOf(series("rw_new", {}, [[0, 1]])));
  const old = batchOf(
    series("rw_old", {}, [
      [-3 * days, 1],
      [-3 * days + 1, 2],
      [-days, 3],
    ]),
  );

  await destination.send(old);
  await destination.send(old);

  expect(lines(await samplesOf(prometheus.url, "rw_old", START_MS - 4 * days, START_MS))).toEqual(
    [
      [-3 * days, 1],
      [-3 * days + 1, 2],
      [-days, 3],
    ].map(([at, value]) => line({ __name__: "rw_old" }, at!, value!)),
  );
});

for (const { name, start } of [
  { name: "prometheus", start: startPrometheus },
  { name: "victoria-metrics", start: startVictoriaMetrics },
] as const) {
  test(`a stale marker ends the series in ${name}`, async (context) => {
    requireServer(context, name);
    const server = await start();
    context.onTestFinished(server.stop);
    const destination = createRemoteWrite({ name, url: `${server.url}/api/v1/write` });

    await destination.send(
      batchOf(
        series("rw_ended", {}, [
          [0, 7],
          [60_000, null],
        ]),
        series("rw_on", {}, [[0, 8]]),
      ),
    );
    if (name === "victoria-metrics") await fetch(`${server.url}/internal/force_flush`);

    const at = (offsetMs: number): Promise<readonly { value: string }[]> =>
      query(server.url, '{__name__=~"rw_.*"}', START_MS + offsetMs);
    expect((await at(59_999)).map(({ value }) => value).sort()).toEqual(["7", "8"]);
    expect((await at(60_001)).map(({ value }) => value)).toEqual(["8"]);
  });
}

test("VictoriaMetrics gives every number back with its exact value and time", async (context) => {
  requireServer(context, "victoria-metrics");
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  const destination = createRemoteWrite({ name: "vm", url: `${victoria.url}/api/v1/write` });
  // It stores decimals, with one exponent for neighbours: about 15 digits come back, and no NaN.
  const values = [0, 1, -2.5, 0.1, 1e-9, 123_456_789_012, 1_759_752_000.123];
  const batch = batchOf(
    ...values.map((value, i) => series("rw_value", { i: String(i) }, [[i * 7001, value]])),
  );

  expect(await destination.send(batch)).toEqual({ accepted: values.length, refused: [], unknown: 0 });

  expect(lines(await exportedSamples(victoria.url, "rw_value", START_MS, START_MS + 100_000))).toEqual(
    values.map((value, i) => line({ __name__: "rw_value", i: String(i) }, i * 7001, value)),
  );
});

/** Blocks of more than 64 KiB, in which matches reach over the bounds of Google's own fragments. */
for (const [codec, snappy] of Object.entries({
  "the built-in codec": createSnappyCodec(),
  "the native codec": { ...createSnappyCodec(), compress: (bytes: Uint8Array) => compressSync(bytes) },
})) {
  for (const { name, start, read } of [
    { name: "prometheus", start: startPrometheus, read: samplesOf },
    { name: "victoria-metrics", start: startVictoriaMetrics, read: exportedSamples },
  ] as const) {
    test(`${name} reads a request of half a megabyte that ${codec} compressed`, async (context) => {
      requireServer(context, name);
      const server = await start();
      context.onTestFinished(server.stop);
      const limits = { maxSamples: 20_000 };
      const destination = createRemoteWrite({ name, url: `${server.url}/api/v1/write`, snappy, limits });
      const points = (s: number) => Array.from({ length: 10 }, (_, i) => [i * 15_000, s * 977 + i] as const);
      const labels = (s: number) => ({ path: `/v1/items/${s}`, instance: `10.0.${s % 251}.7:9090` });
      const batch = batchOf(
        ...Array.from({ length: 2000 }, (_, s) => series("rw_large", labels(s), points(s))),
      );

      expect(await destination.send(batch)).toEqual({ accepted: 20_000, refused: [], unknown: 0 });

      const stored = lines(await read(server.url, "rw_large", START_MS, START_MS + 200_000)).sort();
      expect(stored).toEqual(
        Array.from({ length: 2000 }, (_, s) =>
          points(s).map(([at, value]) => line({ __name__: "rw_large", ...labels(s) }, at, value)),
        )
          .flat()
          .sort(),
      );
    });
  }
}

test("what Prometheus would drop without a word never leaves, and the receipt says so", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write` });
  const repeated = { ...series("rw_bad", {}, [[0, 1]]) };
  const batch = batchOf(
    series("rw_good", { z: "1", a: "2", empty: "" }, [
      [0, 1],
      [1, 2],
    ]),
    series("", { a: "1" }, [[0, 1]]),
    {
      ...repeated,
      series: {
        name: "rw_bad",
        labels: [
          { name: "a", value: "1" },
          { name: "a", value: "2" },
        ],
      },
    },
    series("rw_bad", { "": "x" }, [[0, 1]]),
    series("rw_bad", { half: "\ud83d" }, [[0, 1]]),
    series("rw_unordered", {}, [
      [2, 1],
      [1, 2],
      [3, 3],
    ]),
    series("rw_twice", {}, [
      [2, 1],
      [2, 2],
    ]),
    series("rw_future", {}, [
      [0, 1],
      [24 * 3600_000, 2],
    ]),
  );

  const receipt = await destination.send(batch);

  const refused = receipt.refused.reduce((sum, { count }) => sum + count, 0);
  expect({ ...receipt, refused }).toEqual({ accepted: 3, refused: 10, unknown: 0 });
  const stored = await samplesOf(prometheus.url, '{__name__=~".+"}', START_MS - 60_000, START_MS + 3600_000);
  expect(lines(stored)).toEqual([
    line({ __name__: "rw_future" }, 0, 1),
    line({ __name__: "rw_good", a: "2", z: "1" }, 0, 1),
    line({ __name__: "rw_good", a: "2", z: "1" }, 1, 2),
  ]);
});

test("Prometheus' refusal of an out-of-order sample is REJECTED, in its own words", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write` });
  await destination.send(batchOf(series("rw_m", {}, [[1000, 1]])));

  const sent = destination.send(batchOf(series("rw_m", {}, [[0, 1]])));

  await expect(sent).rejects.toMatchObject({ code: "ERR_DELIVERY_REJECTED", status: 400, retryable: false });
  await expect(sent).rejects.toThrow("out of order sample");
});

test("a wrong path is MISCONFIGURED", async (context) => {
  requireServer(context, "prometheus");
  const prometheus = await startPrometheus();
  context.onTestFinished(prometheus.stop);
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/push` });
  await expect(destination.send(batchOf(series("rw_m", {}, [[0, 1]])))).rejects.toMatchObject({
    code: "ERR_DELIVERY_MISCONFIGURED",
    status: 404,
  });
});

test("the receiver takes what a real Prometheus sends, metadata too", async (context) => {
  requireServer(context, "prometheus");
  const receiver = await startReceiver(context);
  await startSender(context, receiver, { metadata_config: { send: true, send_interval: "1s" } });

  await expect
    .poll(() => receiver.samples("page_views_total").length, { timeout: 30_000 })
    .toBeGreaterThan(1);
  await expect.poll(() => receiver.metadata("page_views_total")?.type, { timeout: 30_000 }).toBe("counter");
  expect(receiver.samples("page_views_total")[0]).toBe('42.5 {"instance":"*","job":"self","page":"größe 🛳️"}');
  expect(receiver.statuses).toEqual(new Set([204]));
});

test("the receiver takes what promtool pushes", async (context) => {
  requireServer(context, "promtool");
  const receiver = await startReceiver(context);
  const dir = await mkdtemp(join(tmpdir(), "promferry-promtool-"));
  context.onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, "page.prom"), PAGE);

  const { code, stderr } = await runPromtool([
    "push",
    "metrics",
    `${receiver.url}/write`,
    join(dir, "page.prom"),
  ]);

  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(receiver.samples("page_views_total")).toEqual(['42.5 {"job":"promtool","page":"größe 🛳️"}']);
});
