import { expect, test } from "vitest";
import { type EpochMs, isServed, targetOf } from "../model/instance.ts";
import { createMemoryStore } from "../store/memory/memory-store.ts";
import type { TargetStore } from "../store/target-store.ts";
import { beat, CAUSE, heldSpec, keyOf, nodeAt, type OpenStore, put, specOf } from "./suite.ts";

const SEEDS = [1, 2, 3];
const STEPS = 120;

/** The engine beside the memory store: the same calls, the same answers. */
export function randomTests(open: OpenStore): void {
  for (const seed of SEEDS) {
    test(`answers like the memory store to ${STEPS} random calls, seed ${seed}`, async (context) => {
      const { store, clock } = await open(context, { instancesPerProject: 4 });
      const reference = createMemoryStore({ now: () => clock.at, instancesPerProject: 4 });
      const random = createRandom(seed);
      const tokens: string[] = [];
      for (let step = 0; step < STEPS; step++) {
        clock.at += [0, 1, 60_000, 300_000, 900_000][random(5)]!;
        const call = chooseCall(random, tokens, clock.at);
        const [ours, theirs] = [await call(store), await call(reference)];
        expect(ours, `step ${step}`).toEqual(theirs);
        const { items } = await store.list();
        expect(items, `step ${step}`).toEqual((await reference.list()).items);
        const claims = items.filter(isServed).flatMap(({ endpoints }) => endpoints.map(targetOf));
        expect(new Set(claims).size).toBe(claims.length);
      }
      expect(await store.tally()).toEqual(await reference.tally());
      expect(await store.due(100)).toEqual(await reference.due(100));
      expect(await store.changes(0, 1_000)).toEqual(await reference.changes(0, 1_000));
      for (const id of IDS) expect(await store.history(id)).toEqual(await reference.history(id));
    });
  }
}

const IDS = ["a", "b", "c", "d", "e", "f"];
export type Random = (below: number) => number;

/** One call of an engine, with what it answers. */
export function chooseCall(
  random: Random,
  tokens: string[],
  now: EpochMs,
): (store: TargetStore) => Promise<unknown> {
  const id = IDS[random(IDS.length)]!;
  const address = `10.0.0.${random(4)}`;
  const bootId = `boot-${random(2)}`;
  const keyHash = keyOf(IDS[random(8)] ?? id);
  const verified = random(2) === 0;
  const endpoints = nodeAt(address);
  switch (random(9)) {
    case 0:
      return (store) => put(store, heldSpec(id, address));
    case 1:
      return (store) => put(store, specOf(id, { endpoints, labels: { n: address } }));
    case 2:
      return (store) => store.apply(id, { type: "remove" }, CAUSE);
    case 3:
      return (store) => store.apply(id, { type: "drain", keyHash }, CAUSE);
    case 4:
      return (store) =>
        store.apply(id, { type: "instance-put", keyHash, bootId, endpoints, verified }, CAUSE);
    case 5: {
      const tokenId = `jt-${tokens.length}`;
      tokens.push(tokenId);
      const grant = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };
      const place = { project: "p-1", service: "s-1", scope: "default", labels: {} };
      const bound = random(2) === 0 ? id : null;
      const token = {
        ...place,
        id: tokenId,
        secretHash: keyOf(tokenId),
        instanceId: bound,
        grant,
        createdAt: now,
        expiresAt: now + 1_800_000,
        revokedAt: null,
        usedAt: null,
        usedBy: null,
      };
      return (store) => store.addToken(token, CAUSE, bound === null ? undefined : specOf(id));
    }
    case 6:
    case 7: {
      const tokenId = tokens[random(tokens.length)] ?? "jt-none";
      const request = { instanceId: id, bootId, keyHash, endpoints, verified, secretHash: keyOf(tokenId) };
      return (store) => store.join({ tokenId, ...request }, CAUSE);
    }
    default:
      return async (store) => {
        const renewed = await store.renew([beat(id, { keyHash, bootId }), beat("nobody")]);
        const fence = (await store.lead("sweep", "suite", 60_000))!;
        const due = await store.due(2);
        const lapsed = await store.lapse(
          due.map((entry) => entry.id),
          fence,
        );
        return [renewed, due, [...lapsed].sort()];
      };
  }
}

/** Numbers from a seed (mulberry32): the same on every engine and every run. */
export function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, below);
  };
}
