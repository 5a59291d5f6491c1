import { DEFAULT_TIMINGS } from "@promferry/target-registry";
import { expect, test } from "vitest";
import { startTestService } from "../../test/test-service.ts";
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
