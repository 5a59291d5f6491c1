import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { MetricRow, StoreRecord, TargetStore } from "../store/target-store.ts";
import {
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
  storeToken,
} from "./suite.ts";

const DAY_MS = 86_400_000;

/** Idempotency, metrics, moving from one store to another, and what is refused at the door. */
export function recordTests(open: OpenStore): void {
  test("an idempotent call runs once and answers again", async (context) => {
    const { store, clock } = await open(context);
    const key = { actor: "platform:a", key: "k-1" };
    const answer = { status: 201, body: '{"id":"jt-1"}' };
    expect(await store.beginIdempotent(key, "hash-1")).toEqual({ state: "new" });
    expect(await store.beginIdempotent(key, "hash-1")).toEqual({ state: "running" });
    expect(await store.beginIdempotent({ ...key, actor: "platform:b" }, "hash-1")).toEqual({ state: "new" });
    await store.finishIdempotent(key, answer);
    expect(await store.beginIdempotent(key, "hash-1")).toEqual({ state: "done", answer });
    expect(await store.beginIdempotent(key, "hash-2")).toEqual({ state: "mismatch" });
    clock.at += DAY_MS;
    expect(await store.beginIdempotent(key, "hash-2")).toEqual({ state: "new" });
    await store.finishIdempotent(key, null);
    expect(await store.beginIdempotent(key, "hash-3")).toEqual({ state: "new" });
    clock.at += 59_999;
    expect(await store.beginIdempotent(key, "hash-3")).toEqual({ state: "running" });
    clock.at += 1;
    expect(await store.beginIdempotent(key, "hash-3")).toEqual({ state: "new" });
  });

  test("metrics come back by time, exact to the last bit, each row once", async (context) => {
    const { store } = await open(context);
    const row = (n: number, changes: Partial<MetricRow> = {}): MetricRow => ({
      id: `00000000-0000-4000-8000-00000000000${n}`,
      resourceType: "service",
      resourceId: "s-1",
      name: "cpu",
      value: 0.1 * n,
      at: START_MS + n,
      labels: { project_id: "p-1" },
      ...changes,
    });
    await store.addMetrics([row(3), row(1), row(2, { value: 5e-324 }), row(4, { name: "memory" })]);
    await store.addMetrics([row(1, { value: 99 }), row(5, { resourceId: "s-2" })]);
    const query = { resourceType: "service", resourceId: "s-1", from: START_MS, to: START_MS + 9 } as const;
    expect(await store.metrics({ ...query, name: "cpu", limit: 10 })).toEqual([
      row(1),
      row(2, { value: 5e-324 }),
      row(3),
    ]);
    expect((await store.metrics({ ...query, limit: 2 })).map(({ at }) => at - START_MS)).toEqual([3, 4]);
    expect(await store.metrics({ ...query, from: START_MS + 4, limit: 10 })).toHaveLength(1);
    expect(await store.metrics({ ...query, to: START_MS + 1, limit: 10 })).toHaveLength(1);
  });

  test("tidying drops what is past its time, and nothing else", async (context) => {
    const { store, clock } = await open(context, { historyMs: 2 * DAY_MS, metricsMs: 3 * DAY_MS });
    await join(store, "i-1");
    const { token } = await storeToken(store);
    const key = { actor: "platform:a", key: "k-1" };
    await store.beginIdempotent(key, "h");
    await store.finishIdempotent(key, { status: 200, body: "" });
    const row = { id: randomUUID(), resourceType: "service", resourceId: "s-1", name: "cpu" } as const;
    await store.addMetrics([{ ...row, value: 1, at: clock.at, labels: {} }]);
    const left = async (): Promise<number[]> => {
      await store.tidy((await store.lead("sweep", "suite", 60_000))!);
      const query = { ...row, from: 0, to: 2 ** 50, limit: 10 };
      return [
        (await store.history("i-1")).items.length,
        (await store.metrics(query)).length,
        (await store.token(token.id)) === undefined ? 0 : 1,
      ];
    };
    expect(await left()).toEqual([1, 1, 1]);
    clock.at += 2 * DAY_MS;
    expect(await left()).toEqual([0, 1, 1]);
    clock.at += DAY_MS;
    expect(await left()).toEqual([0, 0, 1]);
    clock.at = token.expiresAt + 30 * DAY_MS;
    expect(await left()).toEqual([0, 0, 0]);
    expect(await store.get("i-1")).toMatchObject({ state: "active" });
  });

  test("a frozen store reads and refuses every write until it thaws", async (context) => {
    const { store } = await open(context);
    await join(store, "i-1");
    const fence = (await store.lead("sweep", "suite", 60_000))!;
    await store.freeze(CAUSE);
    expect(await store.info()).toMatchObject({ frozen: true, rev: 1 });
    const { token } = { token: { id: "jt-aaaaaaaaaaaaaaaaaaaa" } };
    const writes: Record<string, () => Promise<unknown>> = {
      apply: () => put(store, heldSpec("i-2", "10.0.0.2")),
      remove: () => store.apply("i-1", { type: "remove" }, CAUSE),
      renew: () => store.renew([beat("i-1")]),
      addToken: () => storeToken(store),
      revokeToken: () => store.revokeToken(token.id, CAUSE),
      lapse: () => store.lapse(["i-1"], fence),
      extendDeadlines: () => store.extendDeadlines(1, fence),
      saveSweepState: () => store.saveSweepState({ lastSweepAt: 0, holds: [] }, fence),
      tidy: () => store.tidy(fence),
      beginIdempotent: () => store.beginIdempotent({ actor: "a", key: "k" }, "h"),
      addMetrics: () => store.addMetrics([]),
      setAuthoritative: () => store.setAuthoritative(CAUSE),
    };
    for (const [name, write] of Object.entries(writes)) {
      await expect(write(), name).rejects.toMatchObject({ code: "ERR_STORE_FROZEN", retryable: true });
    }
    expect((await store.list()).items).toHaveLength(1);
    expect(await store.changes(0, 10)).toMatchObject({ rev: 1 });
    expect(await store.lead("sweep", "suite", 60_000)).toMatchObject({ token: fence.token });
    await store.thaw(CAUSE);
    expect(await store.renew([beat("i-1")])).toEqual(["renewed"]);
  });

  test("an import is the same store again, and goes on where the export ended", async (context) => {
    const { store } = await open(context);
    await fill(store);
    await store.freeze(CAUSE);
    const records: StoreRecord[] = [];
    for await (const record of store.export()) records.push(record);
    expect(records[0]?.kind).toBe("header");
    const json = JSON.parse(JSON.stringify(records)) as StoreRecord[];
    expect(json).toEqual(records);

    const { store: copy } = await open(context);
    await copy.import(json);
    expect(await copy.info()).toEqual({ ...(await store.info()), frozen: false });
    expect(await copy.list()).toEqual(await store.list());
    expect(await copy.changes(0, 100)).toEqual(await store.changes(0, 100));
    expect(await copy.history("i-1")).toEqual(await store.history("i-1"));
    expect(await copy.sweepState()).toEqual(await store.sweepState());
    expect(await copy.beginIdempotent({ actor: "a", key: "k" }, "h")).toMatchObject({ state: "done" });
    const again: StoreRecord[] = [];
    for await (const record of copy.export()) again.push(record);
    const lines = (all: readonly StoreRecord[]): string[] =>
      all
        .filter(({ kind }) => kind !== "idempotency")
        .map((record) => canonical(record))
        .sort();
    expect(lines(again)).toEqual(lines(records));

    expect(await copy.renew([beat("i-1")])).toEqual(["renewed"]);
    expect(await join(copy, "i-9", { endpoints: nodeAt("10.0.0.1") })).toMatchObject({
      code: "address-taken",
    });
    expect(await put(copy, heldSpec("i-8", "10.0.0.8"))).toMatchObject({
      instance: { rev: (await store.info()).rev + 1 },
    });
    expect((await copy.lead("sweep", "other", 1_000))!.token).toBeGreaterThan(1);
  });

  test("an import into a store that holds something is refused", async (context) => {
    const { store } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    const records: StoreRecord[] = [];
    for await (const record of store.export()) records.push(record);
    await expect(store.import(records)).rejects.toMatchObject({ code: "ERR_STORE_NOT_EMPTY" });
    expect((await store.list()).items).toHaveLength(1);
  });

  test("a damaged import leaves the store empty", async (context) => {
    const { store } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    await put(store, heldSpec("i-2", "10.0.0.2"));
    const records: StoreRecord[] = [];
    for await (const record of store.export()) records.push(record);
    const body = records.filter(({ kind }) => kind !== "end");
    const sealed = (...all: readonly StoreRecord[]): StoreRecord[] => [
      ...all,
      { kind: "end", records: all.length },
    ];
    const twin = records.find((record) => record.kind === "instance");
    const { instance } = twin as Extract<StoreRecord, { kind: "instance" }>;
    const { store: empty } = await open(context);
    for (const damaged of [
      [],
      sealed(),
      sealed(...body.slice(1)),
      sealed(...body, body[0]!),
      sealed(...body, { kind: "instance", instance: { ...instance, rev: 99 } }),
      sealed(...body, { kind: "instance", instance: { ...instance, id: "i-3" } }),
      sealed(...body, twin!),
      ...[null, 1, [], {}, { kind: "constructor" }, { kind: "instance" }, { kind: "token", token: null }].map(
        (record) => sealed(...body, record as unknown as StoreRecord),
      ),
      sealed(...body, { kind: "instance", instance: { id: "i-3", rev: 1 } } as unknown as StoreRecord),
    ]) {
      await expect(empty.import(damaged)).rejects.toMatchObject({ code: "ERR_STORE_DAMAGED" });
      expect(await empty.list()).toEqual({ items: [] });
      expect((await empty.info()).rev).toBe(0);
    }
    await empty.import(records);
    expect((await empty.list()).items).toHaveLength(2);
  });

  test("an export of which lines are missing is refused, wherever it was cut", async (context) => {
    const { store } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    await put(store, heldSpec("i-2", "10.0.0.2"));
    const records: StoreRecord[] = [];
    for await (const record of store.export()) records.push(record);
    expect(records.at(-1)).toEqual({ kind: "end", records: records.length - 1 });
    const { store: empty } = await open(context);
    for (let left = 1; left < records.length; left++) {
      await expect(empty.import(records.slice(0, left))).rejects.toMatchObject({ code: "ERR_STORE_DAMAGED" });
      await expect(empty.import(records.toSpliced(left - 1, 1))).rejects.toMatchObject({
        code: "ERR_STORE_DAMAGED",
      });
    }
    await expect(empty.import([...records, records.at(-1)!])).rejects.toMatchObject({
      code: "ERR_STORE_DAMAGED",
    });
    expect((await empty.info()).rev).toBe(0);
  });

  for (const { name, text } of [
    { name: "NUL", text: "a\0b" },
    { name: "a lone high surrogate", text: "a\ud800b" },
    { name: "a lone low surrogate", text: "\udc00" },
  ]) {
    test(`${name} is refused before anything is written`, async (context) => {
      const { store } = await open(context);
      const writes: Promise<unknown>[] = [
        put(store, heldSpec("i-1", "10.0.0.1", { labels: { tier: text } })),
        put(store, heldSpec("i-1", "10.0.0.1", { labels: { [text]: "x" } })),
        store.apply(text, { type: "remove" }, CAUSE),
        store.apply("i-1", { type: "remove" }, { actor: text }),
        store.renew([beat("i-1", { bootId: text })]),
        storeToken(store, { service: text }),
        store.beginIdempotent({ actor: "a", key: text }, "h"),
        store.lead(text, "a", 1_000),
      ];
      for (const result of await Promise.allSettled(writes)) {
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(TypeError) });
      }
      expect((await store.info()).rev).toBe(0);
    });
  }

  test("numbers that no store can keep are refused", async (context) => {
    const { store } = await open(context);
    const row = {
      id: randomUUID(),
      resourceType: "service",
      resourceId: "s",
      name: "n",
      labels: {},
    } as const;
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      await expect(store.addMetrics([{ ...row, value: bad, at: 1 }])).rejects.toThrow(TypeError);
    }
  });

  test("limits are whole numbers in their bounds", async (context) => {
    const { store } = await open(context);
    for (const limit of [0, -1, 1.5, 10_001, Number.NaN]) {
      const calls: (() => Promise<unknown>)[] = [
        () => store.list({}, { limit }),
        () => store.history("i-1", { limit }),
        () => store.due(limit),
        () => store.changes(0, limit),
      ];
      for (const call of calls) await expect(call()).rejects.toThrow(RangeError);
    }
    const many = Array.from({ length: 10_001 }, () => beat("i-1"));
    await expect(store.renew(many)).rejects.toThrow(RangeError);
  });

  test("a closed store says so, and can be closed again", async (context) => {
    const { store } = await open(context);
    await store.close();
    await store.close();
    await expect(store.list()).rejects.toMatchObject({ code: "ERR_STORE_CLOSED" });
    await expect(store.renew([beat("i-1")])).rejects.toMatchObject({ code: "ERR_STORE_CLOSED" });
  });
}

/** Something of every kind. */
async function fill(store: TargetStore): Promise<void> {
  await store.setAuthoritative(CAUSE);
  await join(store, "i-1");
  await put(store, specOf("i-2", { endpoints: nodeAt("10.0.0.2"), labels: { tier: "web" } }));
  await put(store, heldSpec("i-3", "10.0.0.3"));
  await store.apply("i-3", { type: "remove" }, CAUSE);
  await store.apply("i-1", { type: "drain", keyHash: keyOf("i-1") }, CAUSE);
  await store.renew([beat("i-1")]);
  await storeToken(store);
  const key = { actor: "a", key: "k" };
  await store.beginIdempotent(key, "h");
  await store.finishIdempotent(key, { status: 201, body: "{}" });
  await store.addMetrics([
    {
      id: randomUUID(),
      resourceType: "service",
      resourceId: "s-1",
      name: "cpu",
      value: 0.1,
      at: 1,
      labels: {},
    },
  ]);
  const fence = (await store.lead("sweep", "a", 1_000))!;
  await store.saveSweepState({ lastSweepAt: START_MS, holds: [] }, fence);
  await store.resign(fence);
  await store.resign((await store.lead("sweep", "b", 1_000))!);
}

/** JSON with sorted keys: engines may order columns as they like. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, entry: unknown) =>
    typeof entry === "object" && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}
