import { expect, test } from "vitest";
import type { StoreRecord } from "../store/target-store.ts";
import {
  atOnce,
  beat,
  CAUSE,
  countCodes,
  heldSpec,
  join,
  joinRequest,
  nodeAt,
  type OpenStore,
  put,
  START_MS,
  storeToken,
  type TargetStoreSetup,
} from "./suite.ts";

/** What only a database can be asked: restarts, replicas, many rows. */
export function databaseTests(open: OpenStore, setup: TargetStoreSetup): void {
  if (setup.handles !== "one")
    test("everything is there after a restart", async (context) => {
      const { store, again } = await open(context);
      await store.setAuthoritative(CAUSE);
      await join(store, "i-1");
      const { token } = await storeToken(store);
      const before = [
        await store.info(),
        await store.list(),
        await store.history("i-1"),
        await store.token(token.id),
      ];
      await store.close();
      const reopened = await again();
      expect([
        await reopened.info(),
        await reopened.list(),
        await reopened.history("i-1"),
        await reopened.token(token.id),
      ]).toEqual(before);
      expect(await reopened.renew([beat("i-1")])).toEqual(["renewed"]);
      expect(await join(reopened, "i-2")).toMatchObject({ code: "address-taken" });
    });

  describeReplicas("two replicas see each other's writes and share every race", async (context) => {
    const { store: a, again } = await open(context);
    const b = await again();
    const { token } = await storeToken(a);
    const stop = new AbortController();
    context.onTestFinished(() => stop.abort());
    const woken = b.wait(0, stop.signal);
    const joined = await atOnce(10, (i) => (i % 2 ? a : b).join(joinRequest(token, `i-${i}`), CAUSE));
    expect(countCodes(joined)).toEqual({ ok: 1, "token-used": 9 });
    await woken;
    expect(await b.list()).toEqual(await a.list());
    const claims = await atOnce(10, (i) => join(i % 2 ? a : b, `j-${i}`, { endpoints: nodeAt("10.9.9.9") }));
    expect(countCodes(claims)).toEqual({ ok: 1, "address-taken": 9 });
    const fences = await Promise.all([a.lead("sweep", "a", 60_000), b.lead("sweep", "b", 60_000)]);
    expect(fences.filter((fence) => fence !== null)).toHaveLength(1);
    await a.freeze(CAUSE);
    await expect(put(b, heldSpec("k-1", "10.0.0.9"))).rejects.toMatchObject({ code: "ERR_STORE_FROZEN" });
    await b.thaw(CAUSE);
    const puts = await atOnce(20, (i) => put(i % 2 ? a : b, heldSpec(`k-${i}`, `10.0.1.${i}`)));
    const revs = puts.map((answer) => (answer.ok ? (answer.instance?.rev ?? 0) : 0)).sort((x, y) => x - y);
    expect(revs).toEqual(Array.from({ length: 20 }, (_, i) => revs[0]! + i));
  });

  const rows = setup.rows ?? 2_000;
  test(`${rows} instances are listed, followed, counted and lapsed whole`, async (context) => {
    const { store, clock } = await open(context);
    await store.import(fullStore(rows));
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.list({}, { limit: 999, ...(after === undefined ? {} : { after }) });
      ids.push(...page.items.map(({ id }) => id));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(ids).toHaveLength(rows);
    expect(ids).toEqual([...new Set(ids)].sort());
    let seen = 0;
    for (let since = 0, more = true; more; ) {
      const changes = await store.changes(since, 9_999);
      seen += changes.items.length;
      ({ rev: since, more } = changes);
    }
    expect(seen).toBe(rows);
    const batch = ids.slice(0, 10_000).map((id) => beat(id, { keyHash: KEY }));
    expect(new Set(await store.renew(batch))).toEqual(new Set(["renewed"]));
    clock.at += 300_000;
    const due = (await store.due(10_000)).map(({ id }) => id);
    const fence = (await store.lead("sweep", "suite", 60_000))!;
    expect((await store.lapse(due, fence)).length).toBe(due.length);
    const [tally] = await store.tally();
    expect(tally).toMatchObject({ served: rows, active: rows - due.length, justLost: due.length });
  });

  function describeReplicas(name: string, run: (context: Parameters<OpenStore>[0]) => Promise<void>): void {
    if (setup.handles === "many") test(name, run);
  }
}

const KEY = "0".repeat(64);

function* fullStore(rows: number): Generator<StoreRecord> {
  const header = { kind: "header", format: 1, rev: rows, purgedRev: 0, historySeq: 0 } as const;
  const storeId = "00000000-0000-4000-8000-000000000000";
  yield { ...header, storeId, authoritative: true, sweep: null, fences: {} };
  const grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
  for (let i = 0; i < rows; i++) {
    const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    yield {
      kind: "instance",
      instance: {
        ...heldSpec(`i-${i}`, address, { liveness: "heartbeat" }),
        state: "active",
        removedBy: null,
        stateSince: START_MS,
        deadline: START_MS + 1,
        bootId: "boot-1",
        keyHash: KEY,
        grant,
        createdAt: START_MS,
        seenAt: START_MS,
        rev: i + 1,
      },
    };
  }
  yield { kind: "end", records: rows + 1 };
}
