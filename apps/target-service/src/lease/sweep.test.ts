import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DEFAULT_TIMINGS } from "@promferry/target-registry";
import { expect, test } from "vitest";
import { startTestService } from "../../test/test-service.ts";
import { createScrapingPrometheus } from "./prometheus.ts";
import { sweepOnce } from "./sweep.ts";

async function fleet(size: number) {
  const own = await startTestService();
  for (let i = 1; i <= size; i++) await own.join(`i-${i}`, `10.0.0.${i}`);
  const sweep = (holder: string, down: readonly string[] = []) =>
    sweepOnce({
      ...{ store: own.store, timings: DEFAULT_TIMINGS, holder, ttlMs: 30_000 },
      evidence: { down: async () => new Set(down) },
    });
  return { ...own, sweep };
}

test("one replica sweeps, the other takes over when the first is gone", async () => {
  const { sweep, clock } = await fleet(1);
  expect((await sweep("a"))?.fence.holder).toBe("a");
  expect(await sweep("b")).toBeUndefined();
  clock.at += 30_001;
  expect((await sweep("b"))?.fence.holder).toBe("b");
});

test("a fleet that falls silent at once is held, until Prometheus says that it is down", async () => {
  const { sweep, clock, store } = await fleet(8);
  for (let i = 0; i < 6; i++) {
    await sweep("a");
    clock.at += 60_000;
  }
  const all = Array.from({ length: 8 }, (_, i) => `i-${i + 1}`);
  expect([...(await sweep("a"))!.held].sort()).toEqual(all);
  expect((await sweep("a", ["i-1", "i-2"]))?.lapsed).toEqual(["i-1", "i-2"]);
  expect((await store.get("i-1"))?.state).toBe("lost");
  expect((await store.get("i-3"))?.state).toBe("active");
});

test("after a pause of the service nobody lapses, and everybody has the time back", async () => {
  const { sweep, clock, store } = await fleet(2);
  await sweep("a");
  clock.at += 3_600_000;
  expect(await sweep("a")).toMatchObject({ lapsed: [], extendedMs: 3_600_000 });
  expect(await sweep("a")).toMatchObject({ lapsed: [], held: [], extendedMs: 0 });
  expect((await store.get("i-1"))?.state).toBe("active");
});

test("Prometheus that does not answer is no evidence", async ({ onTestFinished }) => {
  const answers = [
    { status: 200, body: { data: { result: [{ metric: { instance_id: "i-1" } }] } } },
    { status: 500, body: {} },
    { status: 200, body: { data: { result: "nonsense" } } },
  ];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.authorization} ${decodeURIComponent(request.url!)}`);
    const { status, body } = answers.shift()!;
    response.writeHead(status).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const errors: unknown[] = [];
  const prometheus = createScrapingPrometheus({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    headers: async () => ({ authorization: "Bearer x" }),
    onError: (error) => void errors.push(error),
  });
  expect(await prometheus.down()).toEqual(new Set(["i-1"]));
  expect(await prometheus.down()).toEqual(new Set());
  expect(await prometheus.down()).toEqual(new Set());
  expect(errors).toHaveLength(2);
  expect(asked[0]).toBe('Bearer x /api/v1/query?query=max by (instance_id) (up{instance_id!=""}) == 0');
});
