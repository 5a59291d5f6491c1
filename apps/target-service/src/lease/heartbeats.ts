import type { Heartbeat, RenewOutcome, TargetStore } from "@promferry/target-registry/store";
import { ProblemError } from "../http/problem.ts";

/** Heartbeats of many instances, written together. */
export interface Heartbeats {
  /**
   * Resolves after the batch that the heartbeat is in has been committed.
   *
   * @throws {ProblemError} `overloaded` when too many are waiting. @throws {StoreError}
   */
  beat(heartbeat: Heartbeat): Promise<RenewOutcome>;
}

export interface HeartbeatsOptions {
  /** How long a heartbeat waits for others, in milliseconds. Default 20. */
  readonly flushMs?: number;
  /** Heartbeats of one batch. Default 1,000. */
  readonly batch?: number;
  /** Heartbeats that may wait; more are sent away with Retry-After. Default 20,000. */
  readonly waiting?: number;
}

interface Waiting {
  readonly heartbeat: Heartbeat;
  readonly resolve: (outcome: RenewOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** One batch at a time: what comes meanwhile makes the next one, so a slow store gets larger batches, not more of them. */
export function createHeartbeats(store: TargetStore, options: HeartbeatsOptions = {}): Heartbeats {
  const { flushMs = 20, batch: most = 1_000, waiting: limit = 20_000 } = options;
  const queue: Waiting[] = [];
  let running = false;

  async function drain(): Promise<void> {
    running = true;
    await new Promise((resolve) => setTimeout(resolve, flushMs));
    while (queue.length > 0) {
      const batch = queue.splice(0, most);
      try {
        const outcomes = await store.renew(batch.map(({ heartbeat }) => heartbeat));
        for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }

  return {
    beat(heartbeat) {
      if (queue.length >= limit) {
        return Promise.reject(
          new ProblemError("overloaded", `${limit} heartbeats are waiting`, { retryAfter: 10 }),
        );
      }
      return new Promise((resolve, reject) => {
        queue.push({ heartbeat, resolve, reject });
        if (!running) void drain();
      });
    },
  };
}
