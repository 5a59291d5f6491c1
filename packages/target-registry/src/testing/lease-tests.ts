import { expect, test } from "vitest";
import { DEFAULT_TIMINGS } from "../states/timings.ts";
import type { Fence, TargetStore } from "../store/target-store.ts";
import {
  atOnce,
  beat,
  CAUSE,
  heldSpec,
  join,
  keyOf,
  nodeAt,
  type OpenStore,
  put,
  START_MS,
  specOf,
} from "./suite.ts";

const { leaseMs, lostHoldMs, drainMs, expectedMs, keyMs } = DEFAULT_TIMINGS;

/** Heartbeats, deadlines, the sweep and who may run it. */
export function leaseTests(open: OpenStore): void {
  test("a heartbeat moves the lease and nothing that a list shows", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    clock.at += 60_000;
    expect(await store.renew([beat("i-1")])).toEqual(["renewed"]);
    expect(await store.get("i-1")).toMatchObject({ deadline: clock.at + leaseMs, seenAt: clock.at, rev: 1 });
    expect((await store.info()).rev).toBe(1);
    expect((await store.history("i-1")).items).toHaveLength(1);
  });

  test("a reboot keeps the revision", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    expect(await store.renew([beat("i-1", { bootId: "boot-2" })])).toEqual(["renewed"]);
    expect(await store.get("i-1")).toMatchObject({ bootId: "boot-2", rev: 1 });
  });

  test("a batch gets one outcome each, in its order", async (context) => {
    const { store, clock } = await open(context);
    for (const [i, id] of ["active", "lost", "draining", "gone"].entries()) {
      await join(store, id, { endpoints: nodeAt(`10.0.0.${i}`) });
    }
    await put(store, specOf("expected", { endpoints: nodeAt("10.0.0.9") }));
    await put(store, heldSpec("held", "10.0.0.8"));
    clock.at += leaseMs;
    await store.lapse(["lost"], await lead(store));
    await store.renew([beat("active")]);
    await store.apply("draining", { type: "drain", keyHash: keyOf("draining") }, CAUSE);
    await store.apply("gone", { type: "remove" }, CAUSE);
    const ids = ["gone", "lost", "nobody", "active", "draining", "expected", "held", "active"];
    expect(await store.renew(ids.map((id) => beat(id)))).toEqual([
      "removed",
      "returned",
      "unknown",
      "renewed",
      "returned",
      "wrong-key",
      "wrong-key",
      "renewed",
    ]);
    expect(await store.renew([beat("active", { keyHash: keyOf("thief") })])).toEqual(["wrong-key"]);
    expect(await store.renew([])).toEqual([]);
    const { items } = await store.list({ states: ["active"] });
    expect(items.map(({ id }) => id)).toEqual(["active", "draining", "held", "lost"]);
  });

  test("many heartbeats at once all count", async (context) => {
    const { store, clock } = await open(context);
    await atOnce(20, (i) => join(store, `i-${i}`, { endpoints: nodeAt(`10.0.0.${i}`) }));
    clock.at += leaseMs - 1;
    const outcomes = await atOnce(20, (i) => store.renew([beat(`i-${i}`), beat(`i-${(i + 1) % 20}`)]));
    expect(outcomes.flat()).toEqual(new Array(40).fill("renewed"));
    clock.at += 1;
    expect(await store.due(10)).toEqual([]);
  });

  test("each state ends at its deadline, not a millisecond before", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    const states: string[] = [];
    for (const durationMs of [leaseMs, lostHoldMs, keyMs]) {
      clock.at += durationMs - 1;
      expect(await store.due(10)).toEqual([]);
      expect(await store.lapse(["i-1"], await lead(store))).toEqual([]);
      clock.at += 1;
      const [due] = await store.due(10);
      expect(due).toMatchObject({ id: "i-1", project: "p-1", deadline: clock.at, lists: ["node"] });
      states.push(due!.state);
      expect(await store.lapse(["i-1", "nobody"], await lead(store))).toEqual(["i-1"]);
    }
    expect(states).toEqual(["active", "lost", "removed"]);
    expect(await store.get("i-1")).toBeUndefined();
  });

  test("goodbye is served until the drain is over; an announcement that nobody follows ends", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    await put(store, specOf("i-2", { endpoints: nodeAt("10.0.0.2") }));
    await store.apply("i-1", { type: "drain", keyHash: keyOf("i-1") }, CAUSE);
    clock.at = START_MS + drainMs;
    await store.lapse(["i-1", "i-2"], await lead(store));
    expect(await store.get("i-1")).toMatchObject({ state: "removed", removedBy: "drained" });
    clock.at = START_MS + expectedMs;
    await store.lapse(["i-2"], await lead(store));
    expect(await store.get("i-2")).toMatchObject({ state: "removed", removedBy: "never-joined" });
  });

  test("a heartbeat between weighing and lapsing saves the instance", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    clock.at += leaseMs;
    const due = await store.due(10);
    await store.renew([beat("i-1")]);
    const lapsed = await store.lapse(
      due.map(({ id }) => id),
      await lead(store),
    );
    expect(lapsed).toEqual([]);
    expect(await store.get("i-1")).toMatchObject({ state: "active" });
  });

  test("a lapsed instance returns by its key until the key is too old", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    for (const durationMs of [leaseMs, lostHoldMs]) {
      clock.at += durationMs;
      await store.lapse(["i-1"], await lead(store));
    }
    expect(await store.get("i-1")).toMatchObject({ state: "removed", removedBy: "lapsed" });
    clock.at += keyMs;
    expect(await store.renew([beat("i-1")])).toEqual(["key-expired"]);
    clock.at -= 1;
    // The store's clock does not run backwards.
    expect(await store.renew([beat("i-1")])).toEqual(["key-expired"]);
  });

  test("an instance that a held sweep keeps returns by its key, however long it was silent", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    clock.at += keyMs;
    expect(await store.renew([beat("i-1")])).toEqual(["renewed"]);
    clock.at += leaseMs;
    await store.lapse(["i-1"], await lead(store));
    clock.at += keyMs;
    expect(await store.renew([beat("i-1")])).toEqual(["returned"]);
    expect(await store.get("i-1")).toMatchObject({ state: "active" });
  });

  test("due is by deadline, then id, and bounded", async (context) => {
    const { store, clock } = await open(context);
    for (const [i, id] of ["b", "a", "c"].entries()) {
      if (i === 2) clock.at += 1_000;
      await join(store, id, { endpoints: nodeAt(`10.0.0.${i}`) });
    }
    clock.at += leaseMs;
    expect((await store.due(10)).map(({ id }) => id)).toEqual(["a", "b", "c"]);
    const first = await store.due(2);
    expect(first.map(({ id }) => id)).toEqual(["a", "b"]);
    expect((await store.due(2, first[0])).map(({ id }) => id)).toEqual(["b", "c"]);
    expect((await store.due(2, first[1])).map(({ id }) => id)).toEqual(["c"]);
    expect(await store.due(2, (await store.due(3)).at(-1))).toEqual([]);
  });

  test("the tally counts each list of each project", async (context) => {
    const { store, clock } = await open(context);
    for (let i = 0; i < 4; i++) await join(store, `i-${i}`, { endpoints: nodeAt(`10.0.0.${i}`) });
    const two = [...nodeAt("10.1.0.1"), { name: "app", address: "10.1.0.1", port: 8080 }];
    await put(store, { ...heldSpec("j-1", "10.1.0.1", { project: "p-2" }), endpoints: two });
    await put(store, specOf("j-2", { endpoints: nodeAt("10.0.0.9"), project: "p-2" }));
    clock.at += leaseMs;
    await store.lapse(["i-0", "i-1"], await lead(store));
    await store.renew([beat("i-3")]);
    const zero = { overdue: 0, justLost: 0, leaving: 0, justLapsed: 0 };
    const held = { ...zero, project: "p-2", served: 1, active: 1 };
    expect(await store.tally()).toEqual([
      { ...zero, project: "p-1", list: "node", served: 4, active: 2, overdue: 1, justLost: 2 },
      { ...held, list: "app" },
      { ...held, list: "node" },
    ]);
    clock.at += lostHoldMs;
    await store.lapse(["i-0"], await lead(store));
    expect((await store.tally())[0]).toEqual({
      project: "p-1",
      list: "node",
      served: 3,
      active: 2,
      overdue: 2,
      justLost: 0,
      leaving: 1,
      justLapsed: 1,
    });
  });

  test("extending moves every deadline but a tombstone's", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    await join(store, "i-2", { endpoints: nodeAt("10.0.0.2") });
    await put(store, heldSpec("i-3", "10.0.0.3"));
    await store.apply("i-2", { type: "remove" }, CAUSE);
    const { rev } = await store.info();
    await store.extendDeadlines(7_000, await lead(store));
    expect((await store.list()).items.map(({ deadline }) => deadline)).toEqual([
      clock.at + leaseMs + 7_000,
      clock.at + keyMs,
      null,
    ]);
    expect((await store.info()).rev).toBe(rev);
  });

  test("one leads at a time; a new leader has a greater token; the old one is fenced", async (context) => {
    const { store, clock } = await open(context);
    const first = (await store.lead("sweep", "a", 10_000))!;
    expect(first).toEqual({ name: "sweep", holder: "a", token: first.token, until: clock.at + 10_000 });
    expect(await store.lead("sweep", "b", 10_000)).toBeNull();
    expect(await store.lead("other", "b", 10_000)).toMatchObject({ name: "other", holder: "b" });
    clock.at += 9_999;
    const renewed = (await store.lead("sweep", "a", 10_000))!;
    expect(renewed).toEqual({ ...first, until: clock.at + 10_000 });
    clock.at += 10_000;
    const second = (await store.lead("sweep", "b", 10_000))!;
    expect(second.token).toBeGreaterThan(first.token);
    const fenced = { code: "ERR_STORE_FENCED" };
    await expect(store.lapse([], renewed)).rejects.toMatchObject(fenced);
    await expect(store.extendDeadlines(1, renewed)).rejects.toMatchObject(fenced);
    await expect(store.tidy(renewed)).rejects.toMatchObject(fenced);
    const state = { lastSweepAt: clock.at, holds: [] };
    await expect(store.saveSweepState(state, renewed)).rejects.toMatchObject(fenced);
    await store.resign(renewed);
    expect(await store.lapse([], second)).toEqual([]);
    await store.resign(second);
    await expect(store.lapse([], second)).rejects.toMatchObject(fenced);
    const third = (await store.lead("sweep", "a", 10_000))!;
    expect(third.token).toBeGreaterThan(second.token);
  });

  test("one of many becomes the leader", async (context) => {
    const { store } = await open(context);
    const fences = await atOnce(10, (i) => store.lead("sweep", `replica-${i}`, 10_000));
    expect(fences.filter((fence) => fence !== null)).toHaveLength(1);
  });

  test("the sweep's memory is kept", async (context) => {
    const { store, clock } = await open(context);
    expect(await store.sweepState()).toBeUndefined();
    const hold = { project: null, list: "node", step: "lose", since: clock.at, released: false } as const;
    const state = { lastSweepAt: clock.at, holds: [hold, { ...hold, project: "p-1", released: true }] };
    await store.saveSweepState(state, await lead(store));
    expect(await store.sweepState()).toEqual(state);
  });
}

async function lead(store: TargetStore): Promise<Fence> {
  const fence = await store.lead("sweep", "suite", 60_000);
  if (fence === null) throw new Error("expected to lead");
  return fence;
}
