import type { Heartbeat } from "@promferry/target-registry/store";
import type { Engine, RenewTimes } from "./engine.ts";

export interface Renewer {
  /** Whether each was renewed, in their order; what was not needs a decision. */
  renew(batch: readonly Heartbeat[]): Promise<readonly boolean[]>;
  idle(): Promise<void>;
}

interface Waiting {
  readonly batch: readonly Heartbeat[];
  readonly resolve: (renewed: readonly boolean[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Heartbeats in one statement at most. */
const STATEMENT_LIMIT = 10_000;

/** One statement at a time; the heartbeats that come meanwhile go together into the next. */
export function createRenewer(engine: Engine, times: RenewTimes): Renewer {
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  return {
    renew: (batch) =>
      new Promise((resolve, reject) => {
        if (batch.length === 0) return resolve([]);
        queue.push({ batch, resolve, reject });
        running ??= run();
      }),
    idle: async () => running,
  };

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const group = takeGroup();
      try {
        const asked = askedOf(group);
        const renewed = await engine.renew(
          [...asked.values()].filter((beat) => beat !== undefined),
          times,
        );
        for (const { batch, resolve } of group) {
          resolve(batch.map(({ id }) => asked.get(id) !== undefined && renewed.has(id)));
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    running = undefined;
  }

  function takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    for (let size = 0; queue.length > 0; ) {
      size += queue[0]?.batch.length ?? 0;
      if (group.length > 0 && size > STATEMENT_LIMIT) break;
      group.push(queue.shift() as Waiting);
    }
    return group;
  }
}

/** One heartbeat of each instance; none of an instance of which two differ: their order counts. */
function askedOf(group: readonly Waiting[]): Map<string, Heartbeat | undefined> {
  const asked = new Map<string, Heartbeat | undefined>();
  for (const { batch } of group) {
    for (const beat of batch) {
      const other = asked.get(beat.id) ?? beat;
      const same = other.bootId === beat.bootId && other.keyHash === beat.keyHash;
      asked.set(
        beat.id,
        same && (!asked.has(beat.id) || asked.get(beat.id) !== undefined) ? beat : undefined,
      );
    }
  }
  return asked;
}
