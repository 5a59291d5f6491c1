/** Whatever happens, in whatever order: what must never be seen. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { grantOf } from "../model/endpoints.ts";
import { type Instance, type InstanceSpec, isServed } from "../model/instance.ts";
import { createMemoryStore } from "../store/memory/memory-store.ts";
import type { TargetStore } from "../store/target-store.ts";
import { hashSecret, mintJoinToken } from "../tokens/join-token.ts";
import { claimsOf } from "./claims.ts";
import { planSweep } from "./sweep.ts";
import { DEFAULT_TIMINGS } from "./timings.ts";

const IDS = ["a", "b", "c", "d", "e"] as const;
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] as const;
const CAUSE = { actor: "test" };
const GRANT = { ranges: ["10.0.0.0/8"], endpoints: [{ name: "node", ports: [9100] }] };

/** What instances and networks do by themselves; nothing here says that an instance is gone. */
const silentStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 10_000, 60_000, 90_000, 99_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("quiet" as const),
      sweeps: fc.integer({ min: 1, max: 40 }),
      down: fc.subarray([...IDS]),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("sweep" as const), down: fc.subarray([...IDS]) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("beat" as const),
      id: fc.constantFrom(...IDS),
      boot: fc.constantFrom("boot-1", "boot-2"),
      key: fc.constantFrom("own" as const, "own" as const, "wrong" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("away" as const), ms: fc.integer({ min: 0, max: 7_200_000 }) }),
  },
);

/** What is said on purpose, by the platform, the instances, and whoever has a token. */
const spokenStep = fc.oneof(
  fc.record({
    type: fc.constant("join" as const),
    id: fc.constantFrom(...IDS),
    address: fc.constantFrom(...ADDRESSES),
    bound: fc.boolean(),
    verified: fc.boolean(),
    key: fc.constantFrom("own" as const, "wrong" as const),
  }),
  fc.record({
    type: fc.constantFrom("put" as const, "hold" as const, "move" as const),
    id: fc.constantFrom(...IDS),
    address: fc.constantFrom(...ADDRESSES),
    verified: fc.boolean(),
  }),
  fc.record({ type: fc.constantFrom("remove" as const, "goodbye" as const), id: fc.constantFrom(...IDS) }),
);

type Step =
  typeof silentStep extends fc.Arbitrary<infer S>
    ? typeof spokenStep extends fc.Arbitrary<infer T>
      ? S | T
      : never
    : never;

interface World {
  readonly store: TargetStore;
  readonly clock: { at: number };
}

function createWorld(): World {
  const clock = { at: 1_790_000_000_000 };
  return { clock, store: createMemoryStore({ now: () => clock.at }) };
}

const keyHashOf = (id: string, key: "own" | "wrong"): string => hashSecret(`${key} key of ${id}`);

function specOf(id: string, address: string, liveness: InstanceSpec["liveness"] = "heartbeat"): InstanceSpec {
  const endpoints = [{ name: "node", address, port: 9100 }];
  return { id, project: "p", service: "s", scope: "default", liveness, endpoints, labels: {} };
}

async function run({ store, clock }: World, step: Step): Promise<void> {
  switch (step.type) {
    case "wait":
    case "away":
      clock.at += step.ms;
      return;
    case "quiet":
      for (let i = 0; i < step.sweeps; i++) {
        clock.at += 99_000;
        await sweep(store, new Set(step.down));
      }
      return;
    case "sweep":
      return sweep(store, new Set(step.down));
    case "beat":
      await store.renew([{ id: step.id, bootId: step.boot, keyHash: keyHashOf(step.id, step.key) }]);
      return;
    case "join": {
      const { id, address, bound, verified, key } = step;
      const place = { project: "p", service: "s", scope: "default", grant: GRANT, labels: {} };
      const binding = { ...place, instanceId: bound ? id : null };
      const { token } = mintJoinToken(binding, { now: clock.at, ttlMs: 60_000 });
      await store.addToken(token, CAUSE);
      const { endpoints } = specOf(id, address);
      const instance = { instanceId: id, bootId: "boot-1", keyHash: keyHashOf(id, key), endpoints, verified };
      await store.join({ tokenId: token.id, secretHash: token.secretHash, ...instance }, CAUSE);
      return;
    }
    case "put":
    case "hold": {
      const spec = specOf(step.id, step.address, step.type === "hold" ? "platform" : "heartbeat");
      await store.apply(step.id, { type: "platform-put", spec, grant: grantOf(spec.endpoints) }, CAUSE);
      return;
    }
    case "move": {
      const { endpoints } = specOf(step.id, step.address);
      const self = { keyHash: keyHashOf(step.id, "own"), bootId: "boot-1", verified: step.verified };
      await store.apply(step.id, { type: "instance-put", endpoints, ...self }, CAUSE);
      return;
    }
    case "remove":
      await store.apply(step.id, { type: "remove" }, CAUSE);
      return;
    case "goodbye":
      await store.apply(step.id, { type: "drain", keyHash: keyHashOf(step.id, "own") }, CAUSE);
  }
}

async function sweep(store: TargetStore, down: ReadonlySet<string>): Promise<void> {
  const fence = (await store.lead("sweep", "test", 60_000))!;
  const input = { state: await store.sweepState(), due: await store.due(100), tally: await store.tally() };
  const plan = planSweep({ now: await store.now(), ...input, down, timings: DEFAULT_TIMINGS });
  if (plan.extendMs > 0) await store.extendDeadlines(plan.extendMs, fence);
  await store.saveSweepState(plan.state, fence);
  await store.lapse(plan.lapse, fence);
}

const all = async (store: TargetStore): Promise<readonly Instance[]> => (await store.list()).items;

test("no order of events shows two owners of one address, or revives what the platform removed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(silentStep, spokenStep), { maxLength: 60, size: "max" }),
      async (steps) => {
        const world = createWorld();
        const removed = new Set<string>();
        for (const step of steps) {
          await run(world, step);
          const instances = await all(world.store);
          const claims = instances.flatMap(claimsOf);
          expect(new Set(claims).size).toBe(claims.length);
          for (const { id, state, removedBy } of instances) {
            if (removedBy === "platform") removed.add(id);
            if (removed.has(id)) expect([id, state, removedBy]).toEqual([id, "removed", "platform"]);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("silence, however long and in whatever order, never empties a list", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(spokenStep, { maxLength: 12, size: "max" }),
      fc.array(silentStep, { maxLength: 30, size: "max" }),
      async (spoken, silent) => {
        const world = createWorld();
        for (const step of spoken) await run(world, step);
        const served = async (): Promise<number> =>
          (await all(world.store)).filter((instance) => isServed(instance) && instance.state !== "draining")
            .length;
        let before = await served();
        for (const step of silent) {
          await run(world, step);
          const after = await served();
          if (before > 0) expect(after).toBeGreaterThan(0);
          before = after;
        }
      },
    ),
    { numRuns: 200 },
  );
});

test("an outage of any length loses nobody who comes back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 * 86_400_000 }),
      fc.integer({ min: 1, max: 4 }),
      async (ms, count) => {
        const world = createWorld();
        const joined = IDS.slice(0, count);
        for (const [i, id] of joined.entries()) {
          const rest = { bound: false, verified: false, key: "own" } as const;
          await run(world, { type: "join", id, address: ADDRESSES[i]!, ...rest });
        }
        await run(world, { type: "sweep", down: [] });
        world.clock.at += ms;
        // The first to act after the outage is the sweep; the heartbeats come within the minute.
        for (let second = 0; second < 60; second += 5) {
          await run(world, { type: "sweep", down: [] });
          world.clock.at += 5_000;
        }
        const { rev } = await world.store.info();
        for (const id of joined) await run(world, { type: "beat", id, boot: "boot-1", key: "own" });
        await run(world, { type: "sweep", down: [] });
        const states = (await all(world.store)).map(({ state }) => state);
        expect(states).toEqual(joined.map(() => "active"));
        // Where the outage was noticed, nobody was even lost for a moment.
        if (ms > DEFAULT_TIMINGS.leaseMs / 3) expect(rev).toBe(count);
      },
    ),
    { numRuns: 50 },
  );
});

test("a follower of the changes has the list at every moment", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(silentStep, spokenStep), { maxLength: 40, size: "max" }),
      async (steps) => {
        const world = createWorld();
        const copy = new Map<string, Instance["state"]>();
        let since = 0;
        for (const step of steps) {
          await run(world, step);
          for (let more = true; more; ) {
            const changes = await world.store.changes(since, 2);
            expect(changes.reset).toBe(false);
            for (const { id, state } of changes.items) copy.set(id, state);
            ({ rev: since, more } = changes);
          }
          const truth = new Map((await all(world.store)).map(({ id, state }) => [id, state]));
          expect(new Map([...copy].sort())).toEqual(truth);
        }
      },
    ),
    { numRuns: 100 },
  );
});
