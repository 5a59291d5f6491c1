import { gunzipSync } from "node:zlib";
import { grantOf, type InstanceSpec } from "@promferry/target-registry";
import { createMemoryStore, type TargetStore } from "@promferry/target-registry/store";
import { expect, test, vi } from "vitest";
import { createInstanceMirror, type MirrorView } from "./instance-mirror.ts";
import { createListCache } from "./list-cache.ts";

const CAUSE = { actor: "platform:test" };

async function put(store: TargetStore, id: string, address: string): Promise<void> {
  const endpoints = [{ name: "node", address, port: 9100 }];
  const place = { project: "p", service: "s", scope: "default", liveness: "platform", labels: {} } as const;
  const spec: InstanceSpec = { id, ...place, endpoints };
  const applied = await store.apply(id, { type: "platform-put", spec, grant: grantOf(endpoints) }, CAUSE);
  if (!applied.ok) throw new Error(applied.code);
}

function idsOf({ pages }: MirrorView): readonly string[] {
  return pages.flat().map(({ id }) => id);
}

/** A store that counts how often it is asked. */
function counted(store: TargetStore): {
  readonly store: TargetStore;
  readonly calls: Record<string, number>;
} {
  const calls: Record<string, number> = {};
  const proxy = new Proxy(store, {
    get(target, name: keyof TargetStore) {
      const method = target[name] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return method.apply(target, args);
      };
    },
  });
  return { store: proxy, calls };
}

test("a thousand requests in a second ask the store once, and the next second once more", async () => {
  const { store, calls } = counted(createMemoryStore());
  await store.setAuthoritative(CAUSE);
  const clock = { ms: 0 };
  const mirror = createInstanceMirror(store, { elapsed: () => clock.ms });
  const lists = createListCache(mirror);
  const ask = () => Promise.all(Array.from({ length: 1_000 }, () => lists.get({ endpoint: "node" })));
  const first = await ask();
  expect(new Set(first).size).toBe(1);
  expect(calls["list"]).toBe(1);
  expect(calls["changes"]).toBe(1);

  await put(store, "i-1", "10.0.0.1");
  clock.ms += 999;
  expect((await lists.get({ endpoint: "node" })).count).toBe(0);
  clock.ms += 1;
  const second = await ask();
  expect(second[0]!.count).toBe(1);
  expect(new Set(second).size).toBe(1);
  expect(calls["changes"]).toBe(2);
  expect(calls["list"]).toBe(1);
});

test("what was changed, in whatever order, is what the store lists", async () => {
  const store = createMemoryStore();
  const mirror = createInstanceMirror(store, { freshMs: 0 });
  for (const id of ["i-5", "i-1", "i-9", "i-3"]) {
    await put(store, id, `10.0.0.${id.slice(2)}`);
    await mirror.view();
  }
  await store.apply("i-3", { type: "remove" }, CAUSE);
  await put(store, "i-4", "10.0.0.4");
  await put(store, "i-0", "10.0.0.9");
  const view = await mirror.view();
  const { items } = await store.list({ states: ["active"] });
  expect(idsOf(view)).toEqual(items.map(({ id }) => id));
  expect(idsOf(view)).toEqual(["i-0", "i-1", "i-4", "i-5"]);
  expect(view.states).toEqual({ expected: 0, active: 4, lost: 0, draining: 0, removed: 2 });
});

test("a store that comes back with less memory is read anew", async () => {
  const empty = createMemoryStore();
  const full = createMemoryStore();
  for (const i of [1, 2, 3]) await put(full, `i-${i}`, `10.0.0.${i}`);
  let current: TargetStore = full;
  const store = new Proxy({} as TargetStore, {
    get: (_, name: keyof TargetStore) => (current[name] as () => unknown).bind(current),
  });
  const mirror = createInstanceMirror(store, { freshMs: 0 });
  expect(idsOf(await mirror.view())).toHaveLength(3);
  current = empty;
  await put(empty, "i-7", "10.0.0.7");
  expect(idsOf(await mirror.view())).toEqual(["i-7"]);
});

test("every hour all is read anew, for tombstones that ended, and nobody waits for it", async () => {
  const clock = { at: 0, ms: 0 };
  const { store, calls } = counted(createMemoryStore({ now: () => clock.at }));
  const mirror = createInstanceMirror(store, { elapsed: () => clock.ms });
  await put(store, "i-1", "10.0.0.1");
  await store.apply("i-1", { type: "remove" }, CAUSE);
  expect((await mirror.view()).states.removed).toBe(1);
  clock.at += 31 * 86_400_000;
  const fence = await store.lead("sweep", "me", 1_000);
  await store.lapse(["i-1"], fence!);
  clock.ms += 3_600_000;
  expect((await mirror.view()).states.removed).toBe(1);
  await put(store, "i-2", "10.0.0.2");
  await vi.waitFor(async () => {
    clock.ms += 1_000;
    expect((await mirror.view()).states).toMatchObject({ removed: 0, active: 1 });
  });
  expect(idsOf(mirror.latest()!)).toEqual(["i-2"]);
  expect(calls["list"]).toBe(2);
});

test("different lists are kept apart, and the one not asked for longest goes first", async () => {
  const store = createMemoryStore();
  await store.setAuthoritative(CAUSE);
  await put(store, "i-1", "10.0.0.1");
  const lists = createListCache(createInstanceMirror(store), { entries: 2 });
  const node = await lists.get({ endpoint: "node" });
  expect((await lists.get({ endpoint: "app" })).count).toBe(0);
  expect(await lists.get({ endpoint: "node" })).toBe(node);
  await lists.get({ endpoint: "node", project: "p" });
  expect(await lists.get({ endpoint: "node" })).toBe(node);
  await lists.get({ endpoint: "node", shard: { index: 0, count: 2 } });
  await lists.get({ endpoint: "node", shard: { index: 1, count: 2 } });
  expect(await lists.get({ endpoint: "node" })).not.toBe(node);
});

test("lists that are too much to keep go, the one not asked for longest first; the latest always stays", async () => {
  const store = createMemoryStore();
  await store.setAuthoritative(CAUSE);
  for (const i of [1, 2, 3]) await put(store, `i-${i}`, `10.0.0.${i}`);
  const mirror = createInstanceMirror(store);
  const { bytes } = await createListCache(mirror).get({ endpoint: "node" });
  const lists = createListCache(mirror, { bytes: bytes + 10 });
  const node = await lists.get({ endpoint: "node" });
  await lists.get({ endpoint: "app" });
  expect(await lists.get({ endpoint: "node" })).toBe(node);
  const scoped = await lists.get({ endpoint: "node", scope: "default" });
  expect(await lists.get({ endpoint: "node", scope: "default" })).toBe(scoped);
  expect(await lists.get({ endpoint: "node" })).not.toBe(node);
  const small = createListCache(mirror, { bytes: 1 });
  expect(await small.get({ endpoint: "node" })).toBe(await small.get({ endpoint: "node" }));
});

test("a change that changes no list keeps its tag and what was compressed of it", async () => {
  const store = createMemoryStore();
  await store.setAuthoritative(CAUSE);
  await put(store, "i-1", "10.0.0.1");
  const lists = createListCache(createInstanceMirror(store, { freshMs: 0 }));
  const before = await lists.get({ endpoint: "node" });
  const packed = await before.gzipped();
  expect(gunzipSync(packed)).toEqual(Buffer.concat(before.chunks));
  await put(store, "i-2", "10.0.0.2");
  await store.apply("i-2", { type: "remove" }, CAUSE);
  const after = await lists.get({ endpoint: "node" });
  expect(after.rev).toBe(before.rev + 2);
  expect(after.etag).toBe(before.etag);
  expect(await after.gzipped()).toBe(packed);
  await put(store, "i-3", "10.0.0.3");
  const changed = await lists.get({ endpoint: "node" });
  expect(gunzipSync(await changed.gzipped())).toEqual(Buffer.concat(changed.chunks));
});

test("a list holds the event loop for a slice at a time, however many it shows", async () => {
  const store = createMemoryStore({ instancesPerProject: 20_000 });
  await store.setAuthoritative(CAUSE);
  for (let i = 0; i < 12_000; i++) await put(store, `i-${i}`, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  const mirror = createInstanceMirror(store);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    running = setImmediate(count);
  };
  let running = setImmediate(count);
  const { count: targets } = await createListCache(mirror).get({ endpoint: "node" });
  clearImmediate(running);
  expect(targets).toBe(12_000);
  expect(turns).toBeGreaterThan(12_000 / 500);
});
