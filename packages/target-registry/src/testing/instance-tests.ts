import { expect, test } from "vitest";
import type { Instance } from "../model/instance.ts";
import { DEFAULT_TIMINGS } from "../states/timings.ts";
import type { TargetStore } from "../store/target-store.ts";
import {
  atOnce,
  beat,
  CAUSE,
  countCodes,
  heldSpec,
  join,
  keyOf,
  nodeAt,
  type OpenStore,
  put,
  START_MS,
  specOf,
} from "./suite.ts";

/** Instances, their addresses, their revisions. */
export function instanceTests(open: OpenStore): void {
  test("a new store is empty, not authoritative, and has a name of its own", async (context) => {
    const { store } = await open(context);
    expect(await store.info()).toEqual({
      storeId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      rev: 0,
      authoritative: false,
      frozen: false,
    });
    expect(await store.now()).toBe(START_MS);
    expect(await store.list()).toEqual({ items: [] });
    expect(await store.get("i-1")).toBeUndefined();
    expect(await store.changes(0, 10)).toEqual({ items: [], rev: 0, more: false, reset: false });
    await store.setAuthoritative(CAUSE);
    expect((await store.info()).authoritative).toBe(true);
  });

  test("gives back what was put, field by field, under a new revision", async (context) => {
    const { store } = await open(context);
    const spec = heldSpec("i-1", "10.0.0.1", { labels: { tier: "größe ≥ 3 🙂" } });
    const applied = await put(store, spec);
    const instance: Instance = {
      ...spec,
      grant: { ranges: ["10.0.0.1/32"], endpoints: [{ name: "node", ports: [9100] }] },
      state: "active",
      removedBy: null,
      stateSince: START_MS,
      deadline: null,
      bootId: null,
      keyHash: null,
      createdAt: START_MS,
      seenAt: null,
      rev: 1,
    };
    expect(applied).toEqual({ ok: true, change: "created", instance, superseded: [] });
    expect(await store.get("i-1")).toEqual(instance);
    expect((await store.info()).rev).toBe(1);
  });

  test("the same statement again keeps the revision", async (context) => {
    const { store } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    expect(await put(store, heldSpec("i-1", "10.0.0.1"))).toMatchObject({ ok: true, change: "unchanged" });
    expect((await store.info()).rev).toBe(1);
  });

  test("ids are listed bytewise, page by page, by every filter", async (context) => {
    const { store } = await open(context);
    const ids = ["i_1", "I-1", "i-1", "i-10", "i-2", "0", "i.1", "z"];
    for (const [i, id] of ids.entries()) {
      const place = { service: i % 2 === 0 ? "even" : "odd", scope: i < 4 ? "a" : "b" };
      await put(store, heldSpec(id, `10.0.0.${i}`, place));
    }
    const sorted = [...ids].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await idsOf(store, 1_000)).toEqual(sorted);
    expect(await idsOf(store, 3)).toEqual(sorted);
    expect(await idsOf(store, 8)).toEqual(sorted);
    const filtered = async (filter: Parameters<TargetStore["list"]>[0]): Promise<number> =>
      (await store.list(filter)).items.length;
    expect(await filtered({ service: "even" })).toBe(4);
    expect(await filtered({ service: "even", scope: "a" })).toBe(2);
    expect(await filtered({ project: "p-2" })).toBe(0);
    expect(await filtered({ endpoint: "node" })).toBe(8);
    expect(await filtered({ endpoint: "app" })).toBe(0);
    expect(await filtered({ states: ["active", "lost"] })).toBe(8);
    expect(await filtered({ states: [] })).toBe(0);
  });

  test("ifRev lets one of many writers through", async (context) => {
    const { store } = await open(context);
    const made = await atOnce(10, (i) =>
      put(store, heldSpec("i-1", "10.0.0.1", { labels: { n: `${i}` } }), 0),
    );
    expect(countCodes(made)).toEqual({ ok: 1, "rev-mismatch": 9 });
    expect(await put(store, heldSpec("i-1", "10.0.0.2"), 7)).toEqual({
      ok: false,
      code: "rev-mismatch",
      rev: 1,
    });
    expect(await put(store, heldSpec("i-1", "10.0.0.2"), 1)).toMatchObject({ ok: true, change: "changed" });
  });

  test("one of many takes an address, and the others change nothing", async (context) => {
    const { store } = await open(context);
    const joined = await atOnce(10, (i) => join(store, `i-${i}`));
    expect(countCodes(joined)).toEqual({ ok: 1, "address-taken": 9 });
    const { items } = await store.list();
    expect(items).toHaveLength(1);
    expect(joined.find(({ ok }) => !ok)).toMatchObject({ target: "10.0.0.1:9100", owner: items[0]?.id });
    expect((await store.info()).rev).toBe(1);
  });

  test("the same address in another scope, and another port, is another address", async (context) => {
    const { store } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    await put(store, heldSpec("i-2", "10.0.0.1", { scope: "other" }));
    await put(store, {
      ...heldSpec("i-3", "10.0.0.1"),
      endpoints: [{ name: "app", address: "10.0.0.1", port: 8080 }],
    });
    expect((await store.list({ states: ["active"] })).items).toHaveLength(3);
  });

  test("the platform takes an address over, and the list never holds both", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    expect(await put(store, heldSpec("i-2", "10.0.0.1"))).toMatchObject({ ok: true, superseded: ["i-1"] });
    expect(await store.get("i-1")).toMatchObject({ state: "removed", removedBy: "superseded", rev: 2 });
    expect(await store.get("i-2")).toMatchObject({ state: "active", rev: 3 });
    expect(await store.renew([beat("i-1")])).toEqual(["address-taken"]);
    await store.apply("i-2", { type: "remove" }, CAUSE);
    expect(await store.renew([beat("i-1")])).toEqual(["returned"]);
  });

  test("a join from the address itself takes it; any other only from one that is lost", async (context) => {
    const { store, clock } = await open(context);
    await join(store, "i-1");
    expect(await join(store, "i-2")).toMatchObject({ ok: false, code: "address-taken" });
    expect(await join(store, "i-2", { verified: true })).toMatchObject({ ok: true, superseded: ["i-1"] });
    clock.at += DEFAULT_TIMINGS.leaseMs;
    const fence = (await store.lead("sweep", "suite", 60_000))!;
    expect(await store.lapse(["i-2"], fence)).toEqual(["i-2"]);
    expect(await join(store, "i-3")).toMatchObject({ ok: true, superseded: ["i-2"] });
  });

  test("an address given up is free, and one kept stays", async (context) => {
    const { store } = await open(context);
    const { endpoints } = heldSpec("i-1", "10.0.0.1");
    await put(store, { ...heldSpec("i-1", "10.0.0.1"), endpoints: [...endpoints, ...nodeAt("10.0.0.2")] });
    await put(store, heldSpec("i-1", "10.0.0.2"));
    expect(await join(store, "i-2", { endpoints: nodeAt("10.0.0.1") })).toMatchObject({ ok: true });
    expect(await join(store, "i-3", { endpoints: nodeAt("10.0.0.2") })).toMatchObject({
      code: "address-taken",
    });
  });

  test("what the platform removed comes back by nothing", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    expect(await store.apply("i-1", { type: "remove" }, CAUSE)).toMatchObject({
      ok: true,
      change: "changed",
    });
    expect(await store.apply("i-1", { type: "remove" }, CAUSE)).toMatchObject({
      ok: true,
      change: "unchanged",
    });
    expect(await store.renew([beat("i-1")])).toEqual(["removed"]);
    expect(await put(store, heldSpec("i-1", "10.0.0.1"))).toEqual({ ok: false, code: "removed" });
    expect(await join(store, "i-1")).toEqual({ ok: false, code: "removed" });
    expect(await store.get("i-1")).toMatchObject({ state: "removed", removedBy: "platform" });
  });

  test("removing an instance that never was changes nothing", async (context) => {
    const { store } = await open(context);
    const applied = await store.apply("i-1", { type: "remove" }, CAUSE);
    expect(applied).toEqual({ ok: true, change: "unchanged", instance: undefined, superseded: [] });
    expect((await store.info()).rev).toBe(0);
  });

  test("the quota holds when many come at once, and counts nobody who has gone", async (context) => {
    const { store } = await open(context, { instancesPerProject: 3 });
    const made = await atOnce(6, (i) => put(store, heldSpec(`i-${i}`, `10.0.0.${i}`)));
    expect(countCodes(made)).toEqual({ ok: 3, quota: 3 });
    expect(made.find(({ ok }) => !ok)).toEqual({ ok: false, code: "quota", limit: 3 });
    expect(await put(store, heldSpec("other", "10.1.0.1", { project: "p-2" }))).toMatchObject({ ok: true });
    const [first] = (await store.list({ project: "p-1" })).items;
    await store.apply(first!.id, { type: "remove" }, CAUSE);
    expect(await put(store, heldSpec("i-9", "10.0.0.9"))).toMatchObject({ ok: true });
  });

  test("an instance may state its endpoints, inside its grant and with its key", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    const event = { type: "instance-put", bootId: "boot-1", verified: false } as const;
    const own = { ...event, keyHash: keyOf("i-1"), endpoints: nodeAt("10.0.0.7") };
    expect(await store.apply("i-1", own, CAUSE)).toMatchObject({ ok: true, change: "changed" });
    const outside = { ...own, endpoints: nodeAt("192.168.0.1") };
    expect(await store.apply("i-1", outside, CAUSE)).toEqual({ ok: false, code: "outside-grant" });
    const foreign = { ...own, keyHash: keyOf("thief") };
    expect(await store.apply("i-1", foreign, CAUSE)).toEqual({ ok: false, code: "wrong-key" });
    expect(await store.get("i-1")).toMatchObject({ endpoints: nodeAt("10.0.0.7"), rev: 2 });
  });

  test("history tells newest first who did what", async (context) => {
    const { store } = await open(context);
    await put(store, specOf("i-1"));
    await join(store, "i-1");
    await store.renew([beat("i-1", { bootId: "boot-2" })]);
    await store.apply("i-1", { type: "remove" }, { actor: "platform:a" });
    const { items } = await store.history("i-1");
    expect(items.map(({ what, actor, request, rev }) => [what, actor, request, rev])).toEqual([
      ["removed-platform", "platform:a", null, 3],
      ["rebooted", "instance:i-1", null, 2],
      ["joined", "suite", "r-1", 2],
      ["announced", "suite", "r-1", 1],
    ]);
    const first = await store.history("i-1", { limit: 3 });
    const rest = await store.history("i-1", { limit: 3, after: first.next! });
    expect([...first.items, ...rest.items]).toEqual(items);
    expect(await store.history("i-2")).toEqual({ items: [] });
  });
}

async function idsOf(store: TargetStore, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.list({}, after === undefined ? { limit } : { limit, after });
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === undefined) return ids;
    after = page.next;
  }
}
