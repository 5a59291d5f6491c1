import { createMemoryStore, type Heartbeat, type RenewOutcome } from "@promferry/target-registry/store";
import { expect, test } from "vitest";
import { createHeartbeats } from "./heartbeats.ts";

function heartbeat(i: number): Heartbeat {
  return { id: `i-${i}`, bootId: "b", keyHash: "0".repeat(64) };
}

interface Batch {
  readonly ids: readonly string[];
  readonly resolve: (outcomes: readonly RenewOutcome[]) => void;
  readonly reject: (error: Error) => void;
}

/** A store whose `renew` is answered by the test, batch by batch. */
function scripted() {
  const batches: Batch[] = [];
  let arrived = (): void => {};
  const store = {
    ...createMemoryStore(),
    renew: (batch: readonly Heartbeat[]) =>
      new Promise<readonly RenewOutcome[]>((resolve, reject) => {
        batches.push({ ids: batch.map(({ id }) => id), resolve, reject });
        arrived();
      }),
  };
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      arrived = resolve;
    });
  return { store, batches, next };
}

test("what comes while a batch is written makes the next one, and nobody is answered before the write", async () => {
  const { store, batches, next } = scripted();
  const heartbeats = createHeartbeats(store, { flushMs: 0, batch: 3 });
  const answered: string[] = [];
  const beat = async (i: number) => answered.push(`${i} ${await heartbeats.beat(heartbeat(i))}`);
  let arrival = next();
  const first = [beat(1), beat(2)];
  await arrival;
  const later = [3, 4, 5, 6].map(beat);
  expect(batches.map(({ ids }) => ids.join())).toEqual(["i-1,i-2"]);
  expect(answered).toEqual([]);
  arrival = next();
  batches[0]!.resolve(["renewed", "unknown"]);
  await Promise.all(first);
  expect(answered).toEqual(["1 renewed", "2 unknown"]);
  await arrival;
  expect(batches[1]!.ids.join()).toBe("i-3,i-4,i-5");
  arrival = next();
  batches[1]!.resolve(["renewed", "returned", "removed"]);
  await arrival;
  expect(batches[2]!.ids.join()).toBe("i-6");
  batches[2]!.resolve(["renewed"]);
  await Promise.all(later);
  expect(answered.slice(2)).toEqual(["3 renewed", "4 returned", "5 removed", "6 renewed"]);
});

test("a batch that could not be written is told to each of it, and the next one is written", async () => {
  const { store, batches, next } = scripted();
  const heartbeats = createHeartbeats(store, { flushMs: 0, batch: 1 });
  let arrival = next();
  const [failing, following] = [heartbeats.beat(heartbeat(1)), heartbeats.beat(heartbeat(2))];
  await arrival;
  arrival = next();
  batches[0]!.reject(new Error("disk full"));
  await expect(failing).rejects.toThrow("disk full");
  await arrival;
  batches[1]!.resolve(["renewed"]);
  expect(await following).toBe("renewed");
});

test("above the limit heartbeats are sent away, for a while", async () => {
  const { store, batches, next } = scripted();
  const heartbeats = createHeartbeats(store, { flushMs: 0, waiting: 2 });
  const arrival = next();
  const waiting = [heartbeats.beat(heartbeat(1)), heartbeats.beat(heartbeat(2))];
  await expect(heartbeats.beat(heartbeat(3))).rejects.toMatchObject({
    code: "overloaded",
    details: { retryAfter: 10 },
  });
  await arrival;
  batches[0]!.resolve(["renewed", "renewed"]);
  expect(await Promise.all(waiting)).toEqual(["renewed", "renewed"]);
});
