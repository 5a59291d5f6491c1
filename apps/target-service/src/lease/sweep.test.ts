import { DEFAULT_TIMINGS, hashSecret } from "@promferry/target-registry";
import { expect, test } from "vitest";
import { BOOT, startTestService } from "../../test/test-service.ts";
import { sweepOnce } from "./sweep.ts";

async function fleet(size: number) {
  const own = await startTestService();
  for (let i = 1; i <= size; i++) await own.join(`i-${i}`, `10.0.0.${i}`);
  const sweep = (holder: string, down: readonly string[] = [], atOnce = 1_000) =>
    sweepOnce({
      ...{ store: own.store, timings: DEFAULT_TIMINGS, holder, ttlMs: 30_000, atOnce },
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

test("instances that are held for good stand in nobody's way, however many they are", async () => {
  const { sweep, clock, store, join } = await fleet(0);
  // Each is the last one of its project, which silence alone never removes.
  for (let i = 1; i <= 3; i++) await join(`alone-${i}`, `10.0.0.${100 + i}`, `p-alone-${i}`);
  const keys = await Promise.all(Array.from({ length: 20 }, (_, i) => join(`i-${i}`, `10.0.0.${i + 1}`)));
  const minutes = async (count: number, beating: readonly string[]): Promise<void> => {
    for (let minute = 0; minute < count; minute++) {
      clock.at += 60_000;
      await store.renew(
        beating.map((key) => ({ id: `i-${keys.indexOf(key)}`, bootId: BOOT, keyHash: hashSecret(key) })),
      );
      await sweep("a", [], 2);
    }
  };
  await minutes(30, keys);
  expect((await store.due(10)).map(({ id, state }) => `${id} ${state}`)).toEqual([
    "alone-1 lost",
    "alone-2 lost",
    "alone-3 lost",
  ]);
  await minutes(7, keys.slice(1));
  expect((await store.get("i-0"))?.state).toBe("lost");
});
