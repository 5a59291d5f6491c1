import { expect, test } from "vitest";
import { DEFAULT_TIMINGS } from "../states/timings.ts";
import { atOnce, CAUSE, heldSpec, type OpenStore, put } from "./suite.ts";

/** Following a store by its revisions. */
export function changeTests(open: OpenStore): void {
  test("changes show each instance once, as it is, in the order of revisions", async (context) => {
    const { store } = await open(context);
    for (const id of ["b", "a", "c"]) await put(store, heldSpec(id, `10.0.0.${id.charCodeAt(0)}`));
    await put(store, heldSpec("b", "10.0.0.1"));
    await store.apply("a", { type: "remove" }, CAUSE);
    const all = await store.changes(0, 10);
    expect(all).toMatchObject({ rev: 5, more: false, reset: false });
    expect(all.items.map(({ id, rev, state }) => [id, rev, state])).toEqual([
      ["c", 3, "active"],
      ["b", 4, "active"],
      ["a", 5, "removed"],
    ]);
    expect((await store.changes(4, 10)).items.map(({ id }) => id)).toEqual(["a"]);
    expect(await store.changes(5, 10)).toEqual({ items: [], rev: 5, more: false, reset: false });
  });

  test("a limit cuts changes where they can be taken up again", async (context) => {
    const { store } = await open(context);
    for (let i = 0; i < 7; i++) await put(store, heldSpec(`i-${i}`, `10.0.0.${i}`));
    const seen: string[] = [];
    for (let since = 0, more = true; more; ) {
      const changes = await store.changes(since, 3);
      expect(changes.items.length).toBeLessThanOrEqual(3);
      seen.push(...changes.items.map(({ id }) => id));
      ({ rev: since, more } = changes);
    }
    expect(seen).toEqual(["i-0", "i-1", "i-2", "i-3", "i-4", "i-5", "i-6"]);
  });

  test("a reader that follows while many write misses nothing", async (context) => {
    const { store } = await open(context);
    const seen = new Map<string, number>();
    let since = 0;
    const follow = async (): Promise<void> => {
      const changes = await store.changes(since, 5);
      for (const { id, rev } of changes.items) seen.set(id, rev);
      since = changes.rev;
    };
    await Promise.all([
      atOnce(30, (i) => put(store, heldSpec(`i-${i}`, `10.0.0.${i}`))),
      (async () => {
        for (let i = 0; i < 30; i++) await follow();
      })(),
    ]);
    while (since < (await store.info()).rev) await follow();
    const { items } = await store.list();
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(items.map(({ id, rev }) => [id, rev])));
    expect(new Set(seen.values()).size).toBe(30);
  });

  test("a cursor that is ahead, or older than a purged tombstone, is told to start anew", async (context) => {
    const { store, clock } = await open(context);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    await put(store, heldSpec("i-2", "10.0.0.2"));
    await store.apply("i-1", { type: "remove" }, CAUSE);
    expect(await store.changes(4, 10)).toMatchObject({ reset: true, rev: 3 });
    clock.at += DEFAULT_TIMINGS.keyMs;
    const fence = (await store.lead("sweep", "suite", 60_000))!;
    expect(await store.lapse(["i-1"], fence)).toEqual(["i-1"]);
    expect(await store.changes(2, 10)).toMatchObject({ reset: true, items: [], rev: 3 });
    expect(await store.changes(3, 10)).toMatchObject({ reset: false });
    expect(await store.changes(0, 10)).toMatchObject({ reset: true });
  });

  test("wait wakes for a change, for the past, and for an end", async (context) => {
    const { store } = await open(context);
    const forever = new AbortController();
    context.onTestFinished(() => forever.abort());
    const change = store.wait(0, forever.signal);
    await put(store, heldSpec("i-1", "10.0.0.1"));
    await change;
    await store.wait(0, forever.signal);
    const stop = new AbortController();
    const stopped = store.wait(1, stop.signal);
    stop.abort();
    await stopped;
    await store.wait(1, AbortSignal.abort());
    const closing = store.wait(1, forever.signal);
    await store.close();
    await closing;
  });
}
