import { expect, test } from "vitest";
import { type Instance, isServed } from "../model/instance.ts";
import { claimsOf } from "../states/claims.ts";
import { StoreError } from "../store/store-error.ts";
import type { TargetStore } from "../store/target-store.ts";
import { chooseCall, createRandom } from "./random-tests.ts";
import { atOnce, type OpenStore, type TargetStoreSetup } from "./suite.ts";

const SEEDS = [1, 2, 3];
const ROUNDS = 15;
const AT_ONCE = 8;

/** Random calls at once, from as many handles as the engine has: no order is promised, and these hold in every one. */
export function raceTests(open: OpenStore, { handles }: TargetStoreSetup): void {
  for (const seed of SEEDS) {
    test(`${AT_ONCE} random calls at once, again and again, seed ${seed}: one owner of an address, no way back, no revision missed`, async (context) => {
      const { store, clock, again } = await open(context, { instancesPerProject: 4 });
      const stores = handles === "many" ? [store, await again()] : [store];
      const random = createRandom(seed);
      const tokens: string[] = [];
      const removed = new Set<string>();
      const follower = createFollower(stores.at(-1)!);
      for (let round = 0; round < ROUNDS; round++) {
        clock.at += [0, 1, 60_000, 300_000][random(4)]!;
        const calls = Array.from({ length: AT_ONCE }, () => chooseCall(random, tokens, clock.at));
        const working = atOnce(AT_ONCE, (i) => settled(calls[i]!(stores[i % stores.length]!)));
        // Read while they run: what is seen half-way must be right as well.
        await Promise.all([working, follower.look(), look(store, removed)]);
        const { items } = await look(store, removed);
        const { rev } = await store.info();
        const revs = items.map((instance) => instance.rev);
        expect(new Set(revs).size, `round ${round}`).toBe(revs.length);
        expect(Math.max(0, ...revs)).toBeLessThanOrEqual(rev);
      }
      await follower.look();
      const { items } = await store.list();
      expect(follower.copy()).toEqual(items.map(({ id, rev, state }) => [id, rev, state]));
    });
  }
}

/** An engine may give up what it could not serialise, and a leader what another one took over. */
async function settled(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    const code = error instanceof StoreError ? error.code : String(error);
    expect(["ERR_STORE_UNAVAILABLE", "ERR_STORE_FENCED"]).toContain(code);
  });
}

/** What no list may show, at any moment. */
async function look(
  store: TargetStore,
  removed: Set<string>,
): Promise<{ readonly items: readonly Instance[] }> {
  const before = new Set(removed);
  const { items } = await store.list();
  const claims = items.filter(isServed).flatMap(claimsOf);
  expect(new Set(claims).size).toBe(claims.length);
  for (const { id, state, removedBy } of items) {
    if (before.has(id)) expect([id, state, removedBy]).toEqual([id, "removed", "platform"]);
    if (removedBy === "platform") removed.add(id);
  }
  return { items };
}

/** A copy of the instances, kept by changes alone. */
function createFollower(store: TargetStore): {
  look(): Promise<void>;
  copy(): readonly (readonly [id: string, rev: number, state: string])[];
} {
  const known = new Map<string, Pick<Instance, "rev" | "state">>();
  let since = 0;
  return {
    async look() {
      for (let more = true; more; ) {
        const changes = await store.changes(since, 3);
        expect(changes.reset).toBe(false);
        for (const { id, rev, state } of changes.items) {
          expect(rev).toBeGreaterThan(since);
          known.set(id, { rev, state });
        }
        ({ rev: since, more } = changes);
      }
    },
    copy: () =>
      [...known]
        .map(([id, { rev, state }]) => [id, rev, state] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}
