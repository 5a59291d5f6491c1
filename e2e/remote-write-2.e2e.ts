import { createRemoteWrite } from "@promferry/remote-write";
import { expect, type TestContext, test } from "vitest";
import {
  exportedSamples,
  query,
  type RunningServer,
  requireServer,
  samplesOf,
  startPrometheus,
  startProxy,
  startVictoriaMetrics,
} from "./harness/index.ts";
import { startReceiver, startSender } from "./remote-write/receiver.ts";
import { batchOf, line, lines, START_MS, series, TEXTS, VALUES } from "./remote-write/samples.ts";

async function start(context: TestContext, name: "prometheus" | "victoria-metrics"): Promise<RunningServer> {
  requireServer(context, name);
  const server = await (name === "prometheus" ? startPrometheus() : startVictoriaMetrics());
  context.onTestFinished(server.stop);
  return server;
}

for (const protocol of [2, "auto"] as const) {
  test(`Prometheus gives every sample of 2.0 back with its exact value and time, protocol ${protocol}`, async (context) => {
    const prometheus = await start(context, "prometheus");
    const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write`, protocol });
    const values = {
      ...series(
        "rw2_value_total",
        { Zone: "a", _: "b", unit: "c" },
        VALUES.map((value, i) => [i * 7001, value]),
      ),
      family: { name: "rw2_value_total", type: "counter", help: "Größe 漢字.", unit: "bytes" },
    } as const;
    const texts = TEXTS.map((text, i) => series("rw2_text", { text, i: String(i), empty: "" }, [[i, i]]));
    const dotted = series("rw2.größe", { "k8s.pod/name": "x" }, [[0, 1]]);
    const batch = batchOf(values, ...texts, dotted);

    expect(await destination.send(batch)).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });

    const stored = await samplesOf(prometheus.url, '{__name__=~"rw2.+"}', START_MS, START_MS + 100_000);
    expect(lines(stored).sort()).toEqual(
      [
        ...VALUES.map((value, i) =>
          line({ Zone: "a", __name__: "rw2_value_total", _: "b", unit: "c" }, i * 7001, value),
        ),
        ...TEXTS.map((text, i) => line({ __name__: "rw2_text", i: String(i), text }, i, i)),
        line({ __name__: "rw2.größe", "k8s.pod/name": "x" }, 0, 1),
      ].sort(),
    );
    // It is the request of 2.0 that was taken: auto keeps to it.
    expect(destination.encode(batch).requests[0]?.headers["X-Prometheus-Remote-Write-Version"]).toBe("2.0.0");
  });
}

test("a stale marker of 2.0 ends the series in Prometheus", async (context) => {
  const prometheus = await start(context, "prometheus");
  const destination = createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write`, protocol: 2 });
  await destination.send(
    batchOf(
      series("rw2_ended", {}, [
        [0, 7],
        [60_000, null],
      ]),
      series("rw2_on", {}, [[0, 8]]),
    ),
  );
  const at = async (offsetMs: number): Promise<string[]> =>
    (await query(prometheus.url, '{__name__=~"rw2_.*"}', START_MS + offsetMs))
      .map(({ value }) => value)
      .sort();
  expect(await at(59_999)).toEqual(["7", "8"]);
  expect(await at(60_001)).toEqual(["8"]);
});

test("what Prometheus keeps of a request of 2.0 that it answers with 400 counts as accepted", async (context) => {
  const prometheus = await start(context, "prometheus");
  const destination = createRemoteWrite({
    name: "prom",
    url: `${prometheus.url}/api/v1/write`,
    protocol: "auto",
  });
  // The very first request is refused in part; its headers show that 2.0 was understood.
  await createRemoteWrite({ name: "prom", url: `${prometheus.url}/api/v1/write` }).send(
    batchOf(series("rw2_late", {}, [[1000, 1]])),
  );

  const sent = destination.send(
    batchOf(series("rw2_late", {}, [[0, 1]]), series("rw2_good", {}, [[2000, 2]])),
  );

  const reason = expect.stringMatching(/was answered with 400: out of order sample/) as string;
  expect(await sent).toEqual({ accepted: 1, refused: [{ reason, count: 1 }], unknown: 0 });
  expect(lines(await samplesOf(prometheus.url, '{__name__=~"rw2.+"}', START_MS, START_MS + 10_000))).toEqual([
    line({ __name__: "rw2_good" }, 2000, 2),
    line({ __name__: "rw2_late" }, 1000, 1),
  ]);
  expect(
    destination.encode(batchOf(series("m", {}, [[0, 1]]))).requests[0]?.headers["Content-Type"],
  ).toContain("v2");
});

const vmBatch = () => {
  const values = [0, 1, -2.5, 0.1, 1e-9, 123_456_789_012];
  return {
    batch: batchOf(...values.map((value, i) => series("rw2_value", { i: String(i) }, [[i * 7001, value]]))),
    expected: values.map((value, i) => line({ __name__: "rw2_value", i: String(i) }, i * 7001, value)),
  };
};

test("VictoriaMetrics takes 2.0 without storing it, and protocol 2 says so", async (context) => {
  const victoria = await start(context, "victoria-metrics");
  const destination = createRemoteWrite({ name: "vm", url: `${victoria.url}/api/v1/write`, protocol: 2 });

  const sent = destination.send(vmBatch().batch);

  await expect(sent).rejects.toMatchObject({
    code: "ERR_DELIVERY_MISCONFIGURED",
    status: 204,
    retryable: false,
  });
  await expect(sent).rejects.toThrow("nothing was stored; set protocol to 1, or to auto");
  expect(await exportedSamples(victoria.url, "rw2_value", START_MS, START_MS + 100_000)).toEqual([]);
});

test("with protocol auto VictoriaMetrics stores everything, once", async (context) => {
  const victoria = await start(context, "victoria-metrics");
  const proxy = await startProxy(victoria.url);
  context.onTestFinished(proxy.stop);
  const destination = createRemoteWrite({ name: "vm", url: `${proxy.url}/api/v1/write`, protocol: "auto" });
  const { batch, expected } = vmBatch();
  const later = batchOf(series("rw2_later", {}, [[0, 1]]));

  expect(await destination.send(batch)).toEqual({ accepted: batch.sampleCount, refused: [], unknown: 0 });
  expect(await destination.send(later)).toEqual({ accepted: 1, refused: [], unknown: 0 });

  const stored = await exportedSamples(victoria.url, '{__name__=~"rw2.+"}', START_MS, START_MS + 100_000);
  expect(lines(stored).sort()).toEqual([...expected, line({ __name__: "rw2_later" }, 0, 1)].sort());
  expect(proxy.requests.length).toBe(3);
});

for (const { name, flags, described } of [
  { name: "with metadata", flags: ["--enable-feature=metadata-wal-records"], described: true },
  { name: "without metadata", flags: [], described: false },
]) {
  test(`the receiver takes what a real Prometheus sends as 2.0, ${name}`, async (context) => {
    requireServer(context, "prometheus");
    const receiver = await startReceiver(context);
    await startSender(context, receiver, { protobuf_message: "io.prometheus.write.v2.Request" }, flags);

    await expect
      .poll(() => receiver.samples("page_views_total").length, { timeout: 30_000 })
      .toBeGreaterThan(1);

    expect(receiver.samples("page_views_total")[0]).toBe(
      '42.5 {"instance":"*","job":"self","page":"größe 🛳️"}',
    );
    expect(receiver.metadata("page_views_total")).toEqual(
      described ? { name: "page_views_total", type: "counter", help: "Views.", unit: "" } : undefined,
    );
    expect(receiver.statuses).toEqual(new Set([204]));
    expect(receiver.protocols()).toEqual(new Set([2]));
  });
}
