import type { EpochMs } from "../../model/instance.ts";
import { DEFAULT_POLICY } from "../../model/policy.ts";
import { DEFAULT_TIMINGS } from "../../states/timings.ts";
import { addJoinToken, applyEvent, renewInstance } from "../apply-event.ts";
import { checkBatch, checkedRecords, checkLimit, checkStorable, sealedRecords } from "../checks.ts";
import { joinInstance } from "../join-instance.ts";
import { StoreError } from "../store-error.ts";
import type { Fence, RenewOutcome, StoreOptions, TargetStore } from "../target-store.ts";
import type { StoreTransaction } from "../transaction.ts";
import { changesSince, dueInstances, historyPage, listPage, metricRows, tallyLists } from "./queries.ts";
import { fill, recordsOf } from "./records.ts";
import { emptyTables, idempotencyId } from "./tables.ts";
import { openTransaction } from "./transaction.ts";

export interface MemoryStoreOptions extends StoreOptions {
  /** Default `Date.now`. Time that runs backwards stands still in the store. */
  readonly now?: () => EpochMs;
}

const DAY_MS = 86_400_000;
const RUNNING_MS = 60_000;
const BATCH_LIMIT = 10_000;

/**
 * A store that is gone with its process: for tests, demos and as the plainest reading of the contract.
 *
 * One process only. Finds what is due and what changed by looking at every instance.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): TargetStore {
  const { timings = DEFAULT_TIMINGS, now = Date.now } = options;
  const { instancesPerProject = DEFAULT_POLICY.instancesPerProject } = options;
  const { historyMs = 30 * DAY_MS, metricsMs = 30 * DAY_MS } = options;
  const applyOptions = { timings, instancesPerProject };
  const waiters = new Set<() => void>();
  let tables = emptyTables();
  let latest = 0;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();

  return {
    now: () => read(clock),
    info: () =>
      read(() => {
        const { storeId, rev, authoritative, frozen } = tables;
        return { storeId, rev, authoritative, frozen };
      }),
    get: (id) => read(() => tables.instances.get(id)),
    list: async (filter = {}, page = {}) => {
      checkLimit(page.limit ?? 1, BATCH_LIMIT, "list");
      return read(() => listPage(tables, filter, page));
    },
    history: async (id, page = {}) => {
      checkLimit(page.limit ?? 1, BATCH_LIMIT, "history");
      return read(() => historyPage(tables, id, page));
    },

    apply: (id, event, cause, { ifRev } = {}) =>
      write([id, event, cause], (tx) =>
        applyEvent(tx, id, event, cause, ifRev === undefined ? applyOptions : { ...applyOptions, ifRev }),
      ),
    join: (request, cause) => write([request, cause], (tx) => joinInstance(tx, request, cause, applyOptions)),
    renew: async (batch) => {
      checkBatch(batch, BATCH_LIMIT, "renew");
      return write([batch], async (tx) => {
        const outcomes: RenewOutcome[] = [];
        for (const beat of batch) outcomes.push(await renewInstance(tx, beat, applyOptions));
        return outcomes;
      });
    },

    addToken: (token, cause, expected) =>
      write([token, cause, expected ?? null], (tx) => addJoinToken(tx, token, cause, expected, applyOptions)),
    token: (id) => read(() => tables.tokens.get(id)),
    revokeToken: (id, cause) =>
      write([id, cause], async (tx) => {
        const token = await tx.token(id);
        if (token === undefined || token.usedAt !== null || token.revokedAt !== null) return false;
        await tx.putToken({ ...token, revokedAt: tx.now });
        return true;
      }),

    due: async (limit, after) => {
      checkLimit(limit, BATCH_LIMIT, "due");
      return read(() => dueInstances(tables, clock(), limit, after));
    },
    tally: () => read(() => tallyLists(tables, clock(), timings.leaseMs)),
    lapse: async (ids, fence) => {
      checkBatch(ids, BATCH_LIMIT, "lapse");
      return write([ids], async (tx) => {
        checkFence(fence);
        const gone: string[] = [];
        for (const id of ids) {
          const applied = await applyEvent(tx, id, { type: "lapse" }, { actor: "sweep" }, applyOptions);
          if (applied.ok) gone.push(id);
        }
        return gone;
      });
    },
    extendDeadlines: (byMs, fence) =>
      write([byMs], async (tx) => {
        checkFence(fence);
        for (const instance of tables.instances.values()) {
          if (instance.state === "removed" || instance.deadline === null) continue;
          await tx.putInstance({ ...instance, deadline: instance.deadline + byMs });
        }
      }),
    sweepState: () => read(() => tables.sweep ?? undefined),
    saveSweepState: (state, fence) =>
      write([state], async () => {
        checkFence(fence);
        tables.sweep = structuredClone(state);
      }),
    tidy: (fence) =>
      write([], async (tx) => {
        checkFence(fence);
        drop(tables.idempotency, ({ at }) => tx.now - at >= DAY_MS);
        drop(tables.tokens, ({ expiresAt }) => tx.now - expiresAt >= timings.keyMs);
        drop(tables.metrics, ({ at }) => tx.now - at >= metricsMs);
        for (const [id, entries] of tables.history) {
          const kept = entries.filter(({ at }) => tx.now - at < historyMs);
          if (kept.length === 0) tables.history.delete(id);
          else tables.history.set(id, kept);
        }
      }),

    changes: async (since, limit) => {
      checkLimit(limit, BATCH_LIMIT, "changes");
      return read(() => changesSince(tables, since, limit));
    },
    wait: (rev, signal) =>
      new Promise((resolve) => {
        if (closed || signal.aborted || tables.rev > rev) return resolve();
        const done = (): void => {
          if (!closed && !signal.aborted && tables.rev <= rev) return;
          waiters.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        waiters.add(done);
        signal.addEventListener("abort", done);
      }),

    lead: async (name, holder, ttlMs) => {
      checkStorable([name, holder, ttlMs]);
      return read(() => {
        const at = clock();
        const present = tables.leaders.get(name);
        const same = present?.holder === holder;
        if (present !== undefined && present.until > at && !same) return null;
        const token = (present?.token ?? 0) + (same && present.until > at ? 0 : 1);
        const fence: Fence = { name, holder, token, until: at + ttlMs };
        tables.leaders.set(name, fence);
        return fence;
      });
    },
    resign: (fence) =>
      read(() => {
        const present = tables.leaders.get(fence.name);
        if (present?.token !== fence.token || present.holder !== fence.holder) return;
        tables.leaders.set(fence.name, { ...present, until: clock() });
      }),

    beginIdempotent: (key, bodyHash) =>
      write([key, bodyHash], async (tx) => {
        const row = tables.idempotency.get(idempotencyId(key));
        const age = row === undefined ? Infinity : tx.now - row.at;
        if (row !== undefined && age < (row.answer === null ? RUNNING_MS : DAY_MS)) {
          if (row.bodyHash !== bodyHash) return { state: "mismatch" };
          return row.answer === null ? { state: "running" } : { state: "done", answer: row.answer };
        }
        tables.idempotency.set(idempotencyId(key), { key: { ...key }, bodyHash, at: tx.now, answer: null });
        return { state: "new" };
      }),
    finishIdempotent: (key, answer) =>
      write([key, answer], async () => {
        const id = idempotencyId(key);
        const row = tables.idempotency.get(id);
        if (row === undefined) return;
        if (answer === null) tables.idempotency.delete(id);
        else tables.idempotency.set(id, { ...row, answer: { ...answer } });
      }),

    addMetrics: (rows) =>
      write([rows], async () => {
        for (const row of rows)
          if (!tables.metrics.has(row.id)) tables.metrics.set(row.id, structuredClone(row));
      }),
    metrics: async (query) => {
      checkLimit(query.limit, 11_000, "metrics");
      return read(() => metricRows(tables, query));
    },

    setAuthoritative: (cause) =>
      write([cause], async () => {
        tables.authoritative = true;
      }),
    freeze: (cause) =>
      write([cause], async () => {
        tables.frozen = true;
      }),
    thaw: async (cause) => {
      checkStorable(cause);
      return read(() => {
        tables.frozen = false;
      });
    },
    async *export() {
      yield* sealedRecords(await read(() => structuredClone(recordsOf(tables))));
    },
    import: async (records) => {
      const filled = emptyTables();
      for await (const record of checkedRecords(records)) fill(filled, structuredClone(record));
      await read(() => {
        const { rev, instances, tokens, history } = tables;
        if (rev > 0 || instances.size > 0 || tokens.size > 0 || history.size > 0) {
          throw new StoreError("ERR_STORE_NOT_EMPTY", "import: expected an empty store");
        }
        tables = filled;
      });
    },

    close: async () => {
      closed = true;
      for (const wake of waiters) wake();
    },
  };

  function clock(): EpochMs {
    latest = Math.max(latest, Math.floor(now()));
    return latest;
  }

  /** After everything that was asked before. */
  function read<T>(work: () => T | Promise<T>): Promise<T> {
    if (closed) return Promise.reject(new StoreError("ERR_STORE_CLOSED", "the store is closed"));
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  }

  async function write<T>(
    inputs: readonly unknown[],
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    checkStorable(inputs, "argument");
    return read(async () => {
      if (tables.frozen) {
        throw new StoreError(
          "ERR_STORE_FROZEN",
          "the store is being exported; writes are refused until it ends",
        );
      }
      const { tx, undo } = openTransaction(tables, clock());
      const before = tables.rev;
      try {
        return await work(tx);
      } catch (error) {
        undo();
        throw error;
      } finally {
        if (tables.rev > before) for (const wake of waiters) wake();
      }
    });
  }

  function checkFence(fence: Fence): void {
    const present = tables.leaders.get(fence.name);
    if (present?.token === fence.token && present.holder === fence.holder && present.until > clock()) return;
    throw new StoreError("ERR_STORE_FENCED", `${fence.holder} no longer leads ${fence.name}`);
  }
}

function drop<V>(rows: Map<string, V>, isOld: (row: V) => boolean): void {
  for (const [id, row] of rows) if (isOld(row)) rows.delete(id);
}
