import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import {
  exportedSamples,
  type Fault,
  query,
  queryRange,
  requireServer,
  runPromtool,
  samplesOf,
  series,
  startNodeExporter,
  startProgram,
  startPrometheus,
  startProxy,
  startPushgateway,
  startVictoriaMetrics,
} from "./index.ts";

const T0 = Math.floor(Date.now() / 1000) * 1000 - 3 * 86_400_000;

test("Prometheus serves blocks that it starts on, to the millisecond", async (context) => {
  requireServer(context, "prometheus", "promtool");
  const exposition = [
    "# TYPE ferries counter",
    `ferries_total{port="a"} 1 ${T0 / 1000}`,
    `ferries_total{port="a"} 2.5 ${(T0 + 15_001) / 1000}`,
    "# EOF\n",
  ].join("\n");
  const prometheus = await startPrometheus({
    async prepareData(dataDir) {
      const input = join(dataDir, "..", "input.om");
      await writeFile(input, exposition);
      const built = await runPromtool(["tsdb", "create-blocks-from", "openmetrics", input, dataDir]);
      expect(built).toMatchObject({ code: 0, stderr: "" });
    },
  });
  context.onTestFinished(prometheus.stop);

  const labels = { __name__: "ferries_total", port: "a" };
  const first = { timestampMs: T0, value: "1" };
  const second = { timestampMs: T0 + 15_001, value: "2.5" };
  expect(await samplesOf(prometheus.url, "ferries_total", T0, T0 + 15_001)).toEqual([
    { labels, samples: [first, second] },
  ]);
  expect(await samplesOf(prometheus.url, "ferries_total", T0 + 1, T0 + 15_001)).toEqual([
    { labels, samples: [second] },
  ]);
  expect(await samplesOf(prometheus.url, "ferries_total", T0, T0 + 15_000)).toEqual([
    { labels, samples: [first] },
  ]);
  expect(await series(prometheus.url, "ferries_total", T0, T0 + 60_000)).toEqual([labels]);
  expect(await query(prometheus.url, "sum(ferries_total)", T0 + 20_000)).toEqual([
    { labels: {}, timestampMs: T0 + 20_000, value: "2.5" },
  ]);
  expect(
    await queryRange(prometheus.url, "ferries_total", { fromMs: T0, toMs: T0 + 20_000, stepMs: 20_000 }),
  ).toEqual([{ labels, samples: [first, { timestampMs: T0 + 20_000, value: "2.5" }] }]);
});

test("VictoriaMetrics exports what its text import was given", async (context) => {
  requireServer(context, "victoria-metrics");
  const victoria = await startVictoriaMetrics();
  context.onTestFinished(victoria.stop);
  const body = `ferries_total{port="b"} 2 ${T0 + 1000}\nferries_total{port="b"} 1 ${T0}\n`;
  await fetch(`${victoria.url}/api/v1/import/prometheus`, { method: "POST", body });

  expect(await exportedSamples(victoria.url, "ferries_total", T0, T0 + 1000)).toEqual([
    {
      labels: { __name__: "ferries_total", port: "b" },
      samples: [
        { timestampMs: T0, value: "1" },
        { timestampMs: T0 + 1000, value: "2" },
      ],
    },
  ]);
  expect(await query(victoria.url, "ferries_total", T0 + 2000)).toMatchObject([{ value: "2" }]);
});

test("a Pushgateway and a node exporter answer, and nothing is left of them after stop", async (context) => {
  requireServer(context, "pushgateway", "node-exporter");
  const servers = await Promise.all([startPushgateway(), startNodeExporter()]);
  for (const server of servers) {
    context.onTestFinished(server.stop);
    expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
    await server.stop();
    expect(() => process.kill(server.pid, 0)).toThrow("ESRCH");
    await expect(fetch(`${server.url}/metrics`)).rejects.toThrow();
  }
});

test("a server that can't start says why, in its own words", async (context) => {
  requireServer(context, "prometheus");
  await expect(startPrometheus({ flags: ["--no-such-flag"] })).rejects.toThrow(
    /prometheus did not start[\s\S]*no-such-flag/,
  );
});

const BODY = "x".repeat(100_000);

for (const { name, fault, bytes, answer } of [
  { name: "cuts before the body", fault: { cut: "headers" }, bytes: 0, answer: "fetch failed" },
  {
    name: "cuts in the middle of the body",
    fault: { cut: "mid-body" },
    bytes: 50_000,
    answer: "fetch failed",
  },
  { name: "cuts after the answer", fault: { cut: "response" }, bytes: 100_000, answer: "fetch failed" },
  { name: "answers in the target's place", fault: { status: 429 }, bytes: 0, answer: "429" },
  { name: "delays", fault: { delayMs: 1 }, bytes: 100_000, answer: "204" },
] satisfies { name: string; fault: Fault; bytes: number; answer: string }[]) {
  test(`the proxy ${name}`, async ({ onTestFinished }) => {
    const target = await countingServer(onTestFinished);
    const proxy = await startProxy(target.url, { onRequest: ({ n }) => (n === 1 ? fault : undefined) });
    onTestFinished(proxy.stop);

    const send = (): Promise<string> =>
      fetch(`${proxy.url}/in`, { method: "POST", body: BODY }).then(
        (response) => String(response.status),
        (error: Error) => error.message,
      );
    expect(await send()).toBe(answer);
    if ("cut" in fault) expect(await proxy.hit).toBe(proxy.requests[0]);
    await expect.poll(target.bytes).toBe(bytes);
    expect(await send()).toBe("204");
    await expect.poll(target.bytes).toBe(bytes + BODY.length);
    expect(proxy.requests.map((seen) => seen.targetStatus)).toEqual([
      bytes === BODY.length ? 204 : undefined,
      204,
    ]);
  });
}

test("a client that the proxy holds can be killed there", async ({ onTestFinished }) => {
  const target = await countingServer(onTestFinished);
  const proxy = await startProxy(target.url, { onRequest: () => ({ hold: "response" }) });
  onTestFinished(proxy.stop);
  const client = await startProgram(
    process.execPath,
    ["-e", `fetch("${proxy.url}", { method: "POST", body: "12345" }).then(() => console.log("answered"))`],
    { killOn: proxy.hit },
  );
  onTestFinished(client.stop);

  expect(await client.done).toEqual({ code: null, signal: "SIGKILL", stdout: "", stderr: "" });
  expect(target.bytes()).toBe(5);
});

/** Counts body bytes, of broken requests too. */
async function countingServer(
  onTestFinished: TestContext["onTestFinished"],
): Promise<{ url: string; bytes: () => number }> {
  let bytes = 0;
  const server = createServer((incoming, outgoing) => {
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    incoming.on("error", () => {});
    incoming.on("end", () => outgoing.writeHead(204).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("expected a TCP address");
  return { url: `http://127.0.0.1:${address.port}`, bytes: () => bytes };
}
