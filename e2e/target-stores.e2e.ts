import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { grantOf, hashSecret, type InstanceSpec, mintJoinToken } from "@promferry/target-registry";
import { renderTargetList } from "@promferry/target-registry/render";
import type { JoinRequest, StoreOptions, StoreRecord, TargetStore } from "@promferry/target-registry/store";
import { describeTargetStore } from "@promferry/target-registry/testing";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import {
  describeWithPrograms,
  POSTGRES_PROGRAMS,
  type RunningPostgres,
  startPostgres,
  startProgram,
} from "./harness/index.ts";

interface Stores {
  openPostgresStore(
    options: StoreOptions & {
      url: string;
      now?: () => number;
      connectMs?: number;
      statementMs?: number;
      pollMs?: number;
    },
  ): Promise<TargetStore>;
  openSqliteStore(options: StoreOptions & { file: string }): Promise<TargetStore>;
}

// The service is a program and exports nothing, so its stores are reached by path.
const { openPostgresStore, openSqliteStore } = (await import(
  new URL("../apps/target-service/src/stores/index.ts", import.meta.url).href
)) as Stores;

const CAUSE = { actor: "e2e" };

describeWithPrograms([...POSTGRES_PROGRAMS, "psql"], "stores on a real PostgreSQL", () => {
  let server: RunningPostgres;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => server?.stop());

  /** A store's place of its own in the cluster. */
  async function newSchema(): Promise<string> {
    const schema = `s${++schemas}`;
    await sql(server.url, `create schema ${schema}`);
    return `${server.url}?options=${encodeURIComponent(`-c search_path=${schema}`)}`;
  }

  async function openTwo(context: TestContext, url?: string): Promise<[TargetStore, TargetStore, string]> {
    const place = url ?? (await newSchema());
    const [a, b] = [await openPostgresStore({ url: place }), await openPostgresStore({ url: place })];
    context.onTestFinished(async () => {
      await Promise.all([a.close(), b.close()]);
    });
    return [a, b, place];
  }

  describeTargetStore("postgres", {
    handles: "many",
    create: async () => {
      const url = await newSchema();
      return { open: (options) => openPostgresStore({ ...options, url }) };
    },
  });

  test("eight replicas that start at once migrate the schema once", async (context) => {
    const url = await newSchema();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresStore({ url })));
    context.onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
    const infos = await Promise.all(stores.map((store) => store.info()));
    expect(new Set(infos.map(({ storeId }) => storeId)).size).toBe(1);
    expect(await sql(url, "select count(*) from migrations")).toBe("1");
  });

  test("a schema of a newer version is left alone", async (context) => {
    const [a, , url] = await openTwo(context);
    await a.info();
    await sql(url, "insert into migrations (version) values (99)");
    const [late] = await openTwo(context, url);
    await expect(late.info()).rejects.toMatchObject({ code: "ERR_STORE_DAMAGED" });
  });

  test("two replicas race for a token, an address and a revision, and one of them wins each", async (context) => {
    const [a, b] = await openTwo(context);
    for (let round = 0; round < 20; round++) {
      const { token, request } = await newToken(a, `10.1.0.${round}`);
      const joined = await Promise.all(
        [a, b, a, b].map((store, i) => store.join({ ...request, instanceId: `t-${round}-${i}` }, CAUSE)),
      );
      expect(joined.filter(({ ok }) => ok)).toHaveLength(1);
      expect((await b.token(token.id))?.usedBy?.instanceId).toMatch(`t-${round}-`);

      const requests = await Promise.all(
        [0, 1, 2, 3].map(async (i) => {
          const { request: one } = await newToken(a, `10.2.0.${round}`);
          return { ...one, instanceId: `a-${round}-${i}` };
        }),
      );
      const claimed = await Promise.all(requests.map((one, i) => (i % 2 ? a : b).join(one, CAUSE)));
      expect(claimed.filter(({ ok }) => ok)).toHaveLength(1);

      const spec = specAt(`r-${round}`, `10.3.0.${round}`);
      const puts = await Promise.all(
        [a, b, a, b].map((store, i) => put(store, { ...spec, labels: { n: `${i}` } }, 0)),
      );
      expect(puts.filter(({ ok }) => ok)).toHaveLength(1);
    }
    const { items } = await a.list({}, { limit: 1_000 });
    expect(items).toHaveLength(60);
    // Each got a revision of its own, and none was skipped.
    expect(items.map(({ rev }) => rev).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });

  test("a reader on one replica misses no revision while two write", async (context) => {
    const [a, b] = await openTwo(context);
    let since = 0;
    const seen: number[] = [];
    const follow = async (): Promise<void> => {
      const changes = await b.changes(since, 7);
      expect(changes.reset).toBe(false);
      seen.push(...changes.items.map(({ rev }) => rev));
      since = changes.rev;
    };
    let writing = true;
    const reader = (async () => {
      while (writing) await follow();
    })();
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        put(i % 2 ? a : b, specAt(`i-${i}`, `10.0.${i >> 8}.${i & 255}`)),
      ),
    );
    writing = false;
    await reader;
    while (since < 200) await follow();
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
  });

  test("heartbeats beside sweeps and removals neither hang nor revive what was removed", async (context) => {
    const [a, b] = await openTwo(context);
    const ids = Array.from({ length: 60 }, (_, i) => `h-${i}`);
    for (const [i, id] of ids.entries()) {
      const { request } = await newToken(a, `10.4.0.${i}`);
      await a.join({ ...request, instanceId: id, keyHash: hashSecret(id) }, CAUSE);
    }
    const beats = ids.map((id) => ({ id, bootId: "boot-1", keyHash: hashSecret(id) }));
    const removed = new Set(ids.slice(0, 30));
    let removing = true;
    const beating = [a, b].map(async (store, k) => {
      while (removing) await store.renew(k === 0 ? beats : beats.toReversed());
    });
    await Promise.all([...removed].map((id, i) => (i % 2 ? a : b).apply(id, { type: "remove" }, CAUSE)));
    removing = false;
    await Promise.all(beating);
    const outcomes = await a.renew(beats);
    expect(outcomes).toEqual(ids.map((id) => (removed.has(id) ? "removed" : "renewed")));
    expect((await a.list({ states: ["active"] })).items).toHaveLength(30);
  });

  test("a heartbeat during its instance's lapse is decided after it, and brings it back", async (context) => {
    const url = await newSchema();
    const clock = { at: Date.now() };
    const open = async (): Promise<TargetStore> => {
      const store = await openPostgresStore({ url, now: () => clock.at });
      context.onTestFinished(() => store.close());
      return store;
    };
    const [sweeping, beating] = [await open(), await open()];
    const { request } = await newToken(sweeping, "10.5.0.1");
    await sweeping.join({ ...request, instanceId: "i-1" }, CAUSE);
    const beat = { id: "i-1", bootId: request.bootId, keyHash: request.keyHash };
    expect(await beating.renew([beat])).toEqual(["renewed"]);
    // The sweep has read the instance, and takes its time to write it.
    await sql(
      url,
      `create function dawdle() returns trigger language plpgsql as $$
       begin perform pg_sleep(1); return new; end $$;
       create trigger dawdle before update on instances for each row when (new.state = 'lost')
         execute function dawdle()`,
    );
    clock.at += 300_000;
    const fence = (await sweeping.lead("sweep", "a", 60_000))!;
    const lapsing = sweeping.lapse(["i-1"], fence);
    const dawdling = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
    await until(async () => (await sql(url, dawdling)) === "1");
    expect(await beating.renew([beat])).toEqual(["returned"]);
    expect(await lapsing).toEqual(["i-1"]);
    expect(await beating.get("i-1")).toMatchObject({ state: "active", deadline: clock.at + 300_000 });
  });

  test("a change whose NOTIFY is lost wakes at the next look; one after a lost connection at once", async (context) => {
    const url = await newSchema();
    const quick = await openPostgresStore({ url, pollMs: 300 });
    const slow = await openPostgresStore({ url, pollMs: 600_000 });
    context.onTestFinished(async () => void (await Promise.all([quick.close(), slow.close()])));
    const signal = AbortSignal.timeout(20_000);

    await quick.info();
    const woken = quick.wait(0, signal);
    await sql(url, "alter table store disable trigger announce_revision; update store set rev = 1");
    await woken;
    expect(signal.aborted).toBe(false);

    await slow.wait(0, signal);
    const listening = "select count(*) from pg_stat_activity where query = 'listen promferry_targets'";
    await until(async () => Number(await sql(url, listening)) >= 2);
    const reconnected = slow.wait(1, signal);
    await sql(
      url,
      `update store set rev = 2;
       select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen promferry_targets'`,
    );
    await reconnected;
    expect(signal.aborted).toBe(false);

    await sql(url, "alter table store enable trigger announce_revision");
    await until(async () => Number(await sql(url, listening)) >= 2);
    const announced = slow.wait(2, signal);
    await delay(200);
    await sql(url, "update store set rev = 3");
    await announced;
    expect(signal.aborted).toBe(false);
  });

  test("of two leaders the one whose time is over can do nothing more", async (context) => {
    const [a, b] = await openTwo(context);
    const races = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? a : b).lead("sweep", `replica-${i % 2}`, 400)),
    );
    const first = races.find((fence) => fence !== null);
    expect(new Set(races.flatMap((fence) => (fence === null ? [] : [fence.holder]))).size).toBe(1);
    expect(await b.lead("sweep", "other", 60_000)).toBeNull();
    await until(async () => (await b.lead("sweep", "other", 60_000)) !== null);
    const second = await b.lead("sweep", "other", 60_000);
    expect(second?.token).toBeGreaterThan(first?.token ?? Infinity);
    const fenced = { code: "ERR_STORE_FENCED" };
    await expect(a.lapse([], first!)).rejects.toMatchObject(fenced);
    await expect(a.saveSweepState({ lastSweepAt: 1, holds: [] }, first!)).rejects.toMatchObject(fenced);
    expect(await b.lapse([], second!)).toEqual([]);
  });

  test("a serialisation failure is tried again three times, then the store says try later", async (context) => {
    const [a, , url] = await openTwo(context);
    await a.info();
    const failFor = (times: number): Promise<string> =>
      sql(
        url,
        `drop sequence if exists tries; create sequence tries;
         create or replace function fail() returns trigger language plpgsql as $$
         begin
           if nextval('tries') <= ${times} then raise exception 'race' using errcode = '40001'; end if;
           return new;
         end $$;
         drop trigger if exists fail on instances;
         create trigger fail before insert on instances for each row execute function fail()`,
      );
    await failFor(3);
    expect(await put(a, specAt("i-1", "10.0.0.1"))).toMatchObject({ ok: true });
    await failFor(4);
    await expect(put(a, specAt("i-2", "10.0.0.2"))).rejects.toMatchObject({
      code: "ERR_STORE_UNAVAILABLE",
      retryable: true,
    });
    expect(await a.get("i-2")).toBeUndefined();
    expect(await put(a, specAt("i-2", "10.0.0.2"))).toMatchObject({ ok: true, instance: { rev: 2 } });
  });

  test("a replica that stalls inside a transaction holds the others up for a while only", async (context) => {
    const url = await newSchema();
    const store = await openPostgresStore({ url, statementMs: 1_000 });
    context.onTestFinished(() => store.close());
    await store.info();
    const stalled = await startProgram("psql", [
      url,
      "-XAtq",
      "-c",
      "begin; select 1 from store for update; select pg_sleep(2.5); commit",
    ]);
    context.onTestFinished(stalled.stop);
    await until(
      async () =>
        (await sql(
          url,
          "select count(*) from pg_stat_activity where query ~ 'pg_sleep' and state = 'active' and pid <> pg_backend_pid()",
        )) === "1",
    );
    const began = performance.now();
    await expect(put(store, specAt("i-1", "10.0.0.1"))).rejects.toMatchObject({
      code: "ERR_STORE_UNAVAILABLE",
    });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await store.list()).toEqual({ items: [] });
    await stalled.done;
    expect(await put(store, specAt("i-1", "10.0.0.1"))).toMatchObject({ ok: true });
  });

  test("an address where nothing listens is answered at once", async (context) => {
    const store = await openPostgresStore({ url: "postgres://promferry@127.0.0.1:1/none" });
    context.onTestFinished(() => store.close());
    const began = performance.now();
    for (const call of [
      () => store.info(),
      () => store.renew([]),
      () => put(store, specAt("i", "10.0.0.1")),
    ]) {
      await call().catch((error: unknown) => expect(error).toMatchObject({ code: "ERR_STORE_UNAVAILABLE" }));
    }
    await expect(store.info()).rejects.toMatchObject({ code: "ERR_STORE_UNAVAILABLE" });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  describe("moving", () => {
    for (const [from, to] of [
      ["sqlite", "postgres"],
      ["postgres", "sqlite"],
    ] as const) {
      test(`from ${from} to ${to}: same id, same revisions, same ETag, and nobody wrote meanwhile`, async (context) => {
        const source = await openKind(from, context);
        const target = await openKind(to, context);
        await source.setAuthoritative(CAUSE);
        for (let i = 0; i < 1_200; i++) await put(source, specAt(`i-${i}`, `10.0.${i >> 8}.${i & 255}`));
        const { request } = await newToken(source, "10.9.9.9");
        await source.join({ ...request, instanceId: "j-1" }, CAUSE);
        await source.apply("i-7", { type: "remove" }, CAUSE);
        const key = { actor: "platform", key: "k-1" };
        await source.beginIdempotent(key, "hash");
        await source.finishIdempotent(key, { status: 201, body: "{}" });
        const before = await etagOf(source);

        await source.freeze(CAUSE);
        const records: string[] = [];
        const writes: Promise<unknown>[] = [];
        for await (const record of source.export()) {
          records.push(JSON.stringify(record));
          if (records.length % 400 === 0) {
            writes.push(
              put(source, specAt(`late-${records.length}`, "10.8.0.1")).catch((error: unknown) => error),
            );
          }
        }
        expect(writes.length).toBeGreaterThan(1);
        for (const failure of await Promise.all(writes)) {
          expect(failure).toMatchObject({ code: "ERR_STORE_FROZEN" });
        }
        expect(await etagOf(source)).toBe(before);
        await target.import(records.map((line) => JSON.parse(line) as StoreRecord));

        expect(await etagOf(target)).toBe(before);
        expect(await target.info()).toEqual({ ...(await source.info()), frozen: false });
        expect(await target.changes(1_000, 500)).toEqual(await source.changes(1_000, 500));
        expect(await target.beginIdempotent(key, "hash")).toEqual({
          state: "done",
          answer: { status: 201, body: "{}" },
        });
        // The same key is known, and the used token stays used.
        expect(await target.join({ ...request, instanceId: "j-1" }, CAUSE)).toMatchObject({
          change: "replayed",
        });
        const thief = { ...request, instanceId: "j-2", keyHash: hashSecret("thief") };
        expect(await target.join(thief, CAUSE)).toMatchObject({ code: "token-used" });
        expect(await put(target, specAt("i-7", "10.0.0.7"))).toMatchObject({ code: "removed" });
      });
    }

    async function openKind(kind: "sqlite" | "postgres", context: TestContext): Promise<TargetStore> {
      const dir = await mkdtemp(join(tmpdir(), "promferry-store-"));
      const store =
        kind === "sqlite"
          ? await openSqliteStore({ file: join(dir, "targets.db") })
          : await openPostgresStore({ url: await newSchema() });
      context.onTestFinished(async () => {
        await store.close();
        await rm(dir, { recursive: true });
      });
      return store;
    }
  });
});

describeWithPrograms(POSTGRES_PROGRAMS, "PostgreSQL that goes and comes back", () => {
  for (const how of ["fast", "crash"] as const) {
    test(`${how}: under load every call ends, soon, and no acknowledged write is lost`, async (context) => {
      const server = await startPostgres();
      context.onTestFinished(server.stop);
      const stores = [
        await openPostgresStore({ url: server.url }),
        await openPostgresStore({ url: server.url }),
      ];
      context.onTestFinished(async () => void (await Promise.all(stores.map((store) => store.close()))));
      const { request } = await newToken(stores[0]!, "10.7.0.1");
      await stores[0]!.join({ ...request, instanceId: "beating" }, CAUSE);

      const acknowledged: string[] = [];
      const codes = new Map<string, number>();
      let longestMs = 0;
      let stop = false;
      let n = 0;
      const timed = async (work: () => Promise<unknown>): Promise<boolean> => {
        const began = performance.now();
        try {
          await work();
          return true;
        } catch (error) {
          const code = String((error as { code?: string }).code ?? error);
          codes.set(code, (codes.get(code) ?? 0) + 1);
          await delay(5);
          return false;
        } finally {
          longestMs = Math.max(longestMs, performance.now() - began);
        }
      };
      const load = Array.from({ length: 12 }, async (_, worker) => {
        const store = stores[worker % 2]!;
        while (!stop) {
          const i = n++;
          const id = `i-${String(i).padStart(6, "0")}`;
          const address = `10.${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
          if (await timed(() => put(store, specAt(id, address)))) acknowledged.push(id);
          const beat = { id: "beating", bootId: request.bootId, keyHash: request.keyHash };
          await timed(() => store.renew([beat]));
          await timed(() => store.list({}, { limit: 5 }));
        }
      });
      const grown = async (): Promise<void> => {
        const count = acknowledged.length;
        await until(async () => acknowledged.length > count + 100);
      };
      await grown();
      await server.halt(how);
      await delay(500);
      const whileAway = acknowledged.length;
      await delay(300);
      expect(acknowledged.length).toBe(whileAway);
      await server.start();
      await grown();
      stop = true;
      await Promise.all(load);

      expect([...codes.keys()]).toEqual(["ERR_STORE_UNAVAILABLE"]);
      expect(longestMs).toBeLessThan(3_000);
      const stored = new Map<string, number>();
      for (let after: string | undefined; ; ) {
        const page = await stores[1]!.list({}, { limit: 5_000, ...(after === undefined ? {} : { after }) });
        for (const { id, rev } of page.items) stored.set(id, rev);
        if (page.next === undefined) break;
        after = page.next;
      }
      expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      const revs = [...stored.values()].sort((x, y) => x - y);
      expect(revs).toEqual(revs.map((_, i) => i + 1));
      expect((await stores[0]!.info()).rev).toBe(revs.length);
    });
  }
});

function specAt(id: string, address: string): InstanceSpec {
  const endpoints = [{ name: "node", address, port: 9100 }];
  return {
    id,
    project: "p-1",
    service: "s-1",
    scope: "default",
    liveness: "platform",
    endpoints,
    labels: {},
  };
}

function put(store: TargetStore, spec: InstanceSpec, ifRev?: number): ReturnType<TargetStore["apply"]> {
  const event = { type: "platform-put", spec, grant: grantOf(spec.endpoints) } as const;
  return store.apply(spec.id, event, CAUSE, ifRev === undefined ? {} : { ifRev });
}

async function newToken(
  store: TargetStore,
  address: string,
): Promise<{ token: ReturnType<typeof mintJoinToken>["token"]; request: Omit<JoinRequest, "instanceId"> }> {
  const endpoints = [{ name: "node", address, port: 9100 }];
  const place = { project: "p-1", service: "s-1", scope: "default", instanceId: null, labels: {} };
  const { token } = mintJoinToken(
    { ...place, grant: grantOf(endpoints) },
    { now: await store.now(), ttlMs: 60_000 },
  );
  await store.addToken(token, CAUSE);
  const keyHash = hashSecret(randomUUID());
  const { id: tokenId, secretHash } = token;
  return { token, request: { tokenId, secretHash, bootId: "boot-1", keyHash, endpoints, verified: false } };
}

async function etagOf(store: TargetStore): Promise<string> {
  const { items } = await store.list({}, { limit: 10_000 });
  return (await renderTargetList(items, { endpoint: "node" })).etag;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = AbortSignal.timeout(30_000);
  while (!(await holds())) {
    if (limit.aborted) throw new Error("expected it within 30 s");
    await delay(20);
  }
}

/** Runs statements beside the store, and gives what they print. */
async function sql(url: string, text: string): Promise<string> {
  const psql = await startProgram("psql", [url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text]);
  const { code, stdout, stderr } = await psql.done;
  if (code !== 0) throw new Error(`psql ended with ${code}\n${stderr}`);
  return stdout.trim();
}
