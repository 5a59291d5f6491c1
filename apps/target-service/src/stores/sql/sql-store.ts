import { DEFAULT_POLICY, DEFAULT_TIMINGS } from "@promferry/target-registry";
import {
  addJoinToken,
  applyEvent,
  checkBatch,
  checkLimit,
  checkStorable,
  type Fence,
  type Heartbeat,
  joinInstance,
  type RenewOutcome,
  renewInstance,
  StoreError,
  type StoreOptions,
  sealedRecords,
  type TargetStore,
} from "@promferry/target-registry/store";
import type { Engine } from "./engine.ts";
import {
  readChanges,
  readDue,
  readHistory,
  readInfo,
  readInstance,
  readList,
  readMetrics,
  readTally,
  readToken,
} from "./queries.ts";
import { exportRecords, importRecords } from "./records.ts";
import { createRenewer } from "./renewer.ts";
import { METRIC_COLUMNS, metricValues } from "./rows.ts";
import { createWaiters } from "./waiters.ts";
import type { WriteSet } from "./write-set.ts";
import { createWriter, type Job } from "./writer.ts";

const DAY_MS = 86_400_000;
const RUNNING_MS = 60_000;
const BATCH_LIMIT = 10_000;

export interface SqlStoreOptions extends StoreOptions {
  /** See `createWaiters`. */
  readonly pollMs: number;
}

/** A store in tables, whatever database holds them: the rules are the registry's, the engine moves rows. */
export function createSqlStore(engine: Engine, options: SqlStoreOptions): TargetStore {
  const { timings = DEFAULT_TIMINGS, historyMs = 30 * DAY_MS, metricsMs = 30 * DAY_MS, pollMs } = options;
  const { instancesPerProject = DEFAULT_POLICY.instancesPerProject } = options;
  const applyOptions = { timings, instancesPerProject };
  const waiters = createWaiters(async () => (await readInfo(engine)).rev, pollMs);
  const writer = createWriter(engine, waiters.saw);
  const renewer = createRenewer(engine, timings);
  let closing: Promise<void> | undefined;
  let listens = false;

  return {
    now: () => open(() => engine.now()),
    info: () =>
      open(async () => {
        const { sweep: _, ...info } = await readInfo(engine);
        return info;
      }),
    get: (id) => open(() => readInstance(engine, id)),
    list: (filter = {}, page = {}) =>
      open(() => {
        checkLimit(page.limit ?? 1, BATCH_LIMIT, "list");
        return readList(engine, filter, page);
      }),
    history: (id, page = {}) =>
      open(() => {
        checkLimit(page.limit ?? 1, BATCH_LIMIT, "history");
        return readHistory(engine, id, page);
      }),

    apply: (id, event, cause, { ifRev } = {}) =>
      write([id, event, cause], {
        instances: [id],
        run: ({ tx }) =>
          applyEvent(tx, id, event, cause, ifRev === undefined ? applyOptions : { ...applyOptions, ifRev }),
      }),
    join: (request, cause) =>
      write([request, cause], {
        instances: [request.instanceId],
        tokens: [request.tokenId],
        run: ({ tx }) => joinInstance(tx, request, cause, applyOptions),
      }),
    renew: (batch) =>
      open(() => {
        checkBatch(batch, BATCH_LIMIT, "renew");
        checkStorable(batch, "argument");
        return renew(batch);
      }),

    addToken: (token, cause, expected) =>
      write([token, cause, expected ?? null], {
        instances: token.instanceId === null ? [] : [token.instanceId],
        tokens: [token.id],
        run: ({ tx }) => addJoinToken(tx, token, cause, expected, applyOptions),
      }),
    token: (id) => open(() => readToken(engine, id)),
    revokeToken: (id, cause) =>
      write([id, cause], {
        tokens: [id],
        run: async ({ tx }) => {
          const token = await tx.token(id);
          if (token === undefined || token.usedAt !== null || token.revokedAt !== null) return false;
          await tx.putToken({ ...token, revokedAt: tx.now });
          return true;
        },
      }),

    due: (limit, after) =>
      open(async () => {
        checkLimit(limit, BATCH_LIMIT, "due");
        return readDue(engine, await engine.now(), limit, after);
      }),
    tally: () => open(async () => readTally(engine, await engine.now(), timings.leaseMs)),
    lapse: (ids, fence) =>
      open(() => {
        checkBatch(ids, BATCH_LIMIT, "lapse");
        return write([ids], {
          instances: ids,
          run: async (set) => {
            await checkFence(set, fence);
            const gone: string[] = [];
            for (const id of ids) {
              const applied = await applyEvent(
                set.tx,
                id,
                { type: "lapse" },
                { actor: "sweep" },
                applyOptions,
              );
              if (applied.ok) gone.push(id);
            }
            return gone;
          },
        });
      }),
    extendDeadlines: (byMs, fence) =>
      write([byMs], {
        run: async (set) => {
          await checkFence(set, fence);
          await set.flush();
          await set.session.all(
            `update leases set deadline = deadline + $1
             where deadline is not null and id in (select id from instances where state <> 'removed')`,
            [byMs],
          );
        },
      }),
    sweepState: () => open(async () => (await readInfo(engine)).sweep),
    saveSweepState: (state, fence) =>
      write([state], {
        run: async (set) => {
          await checkFence(set, fence);
          await set.session.all("update store set sweep = $1", [JSON.stringify(state)]);
        },
      }),
    tidy: (fence) =>
      write([], {
        run: async (set) => {
          await checkFence(set, fence);
          await set.flush();
          const { now } = set.tx;
          for (const [table, column, beforeMs] of [
            ["idempotency", "at", DAY_MS],
            ["tokens", "expires_at", timings.keyMs],
            ["history", "at", historyMs],
            ["metrics", "at", metricsMs],
          ] as const) {
            await set.session.all(`delete from ${table} where ${column} <= $1`, [now - beforeMs]);
          }
        },
      }),

    changes: (since, limit) =>
      open(() => {
        checkLimit(limit, BATCH_LIMIT, "changes");
        return readChanges(engine, since, limit);
      }),
    wait: (rev, signal) => {
      if (!listens && closing === undefined) {
        listens = true;
        engine.listen(waiters.saw);
      }
      return waiters.wait(rev, signal);
    },

    lead: (name, holder, ttlMs) =>
      write([name, holder, ttlMs], {
        evenFrozen: true,
        run: async ({ tx, session }) => {
          const [row] = await session.all(LEAD, [name, holder, tx.now, tx.now + ttlMs]);
          return row === undefined
            ? null
            : ({ name, holder, token: row["token"], until: row["until"] } as Fence);
        },
      }),
    resign: ({ name, holder, token }) =>
      write([name, holder, token], {
        evenFrozen: true,
        run: async ({ tx, session }) => {
          await session.all("update leaders set until = $1 where name = $2 and holder = $3 and token = $4", [
            tx.now,
            name,
            holder,
            token,
          ]);
        },
      }),

    beginIdempotent: ({ actor, key }, bodyHash) =>
      write([actor, key, bodyHash], {
        run: async ({ tx, session }) => {
          const [row] = await session.all("select * from idempotency where actor = $1 and key = $2", [
            actor,
            key,
          ]);
          const lifeMs = row?.["status"] === null ? RUNNING_MS : DAY_MS;
          if (row !== undefined && tx.now - Number(row["at"]) < lifeMs) {
            if (row["body_hash"] !== bodyHash) return { state: "mismatch" };
            if (row["status"] === null) return { state: "running" };
            return { state: "done", answer: { status: Number(row["status"]), body: String(row["body"]) } };
          }
          await session.all(BEGIN_IDEMPOTENT, [actor, key, bodyHash, tx.now]);
          return { state: "new" };
        },
      }),
    finishIdempotent: ({ actor, key }, answer) =>
      write([actor, key, answer], {
        run: async ({ session }) => {
          if (answer === null) {
            await session.all("delete from idempotency where actor = $1 and key = $2", [actor, key]);
          } else {
            await session.all("update idempotency set status = $3, body = $4 where actor = $1 and key = $2", [
              actor,
              key,
              answer.status,
              answer.body,
            ]);
          }
        },
      }),

    addMetrics: (rows) =>
      write([rows], {
        run: ({ session }) =>
          session.insert("metrics", METRIC_COLUMNS, rows.map(metricValues), "on conflict (id) do nothing"),
      }),
    metrics: (query) =>
      open(() => {
        checkLimit(query.limit, 11_000, "metrics");
        return readMetrics(engine, query);
      }),

    setAuthoritative: (cause) => setFlag("authoritative", true, cause),
    freeze: (cause) => setFlag("frozen", true, cause),
    thaw: (cause) => setFlag("frozen", false, cause, true),
    async *export() {
      yield* sealedRecords(await open(async () => exportRecords(engine)));
    },
    import: (records) =>
      open(async () => waiters.saw(await writer.alone((session) => importRecords(engine, session, records)))),

    close: () => {
      waiters.close();
      closing ??= Promise.all([writer.idle(), renewer.idle()]).then(() => engine.close());
      return closing;
    },
  };

  async function open<T>(work: () => Promise<T>): Promise<T> {
    if (closing !== undefined) throw new StoreError("ERR_STORE_CLOSED", "the store is closed");
    return work();
  }

  function write<T>(inputs: readonly unknown[], job: Job<T>): Promise<T> {
    return open(async () => {
      checkStorable(inputs, "argument");
      return writer.write(job);
    });
  }

  function setFlag(column: string, value: boolean, cause: unknown, evenFrozen = false): Promise<void> {
    return write([cause], {
      evenFrozen,
      run: async ({ session }) => {
        await session.all(`update store set ${column} = $1`, [value]);
      },
    });
  }

  /** What the engine renews by a statement of its own goes first; the rest is decided one by one. */
  async function renew(batch: readonly Heartbeat[]): Promise<readonly RenewOutcome[]> {
    const renewed = await renewer.renew(batch);
    const outcomes: RenewOutcome[] = batch.map(() => "renewed");
    const rest = batch.flatMap((beat, i) => (renewed[i] === true ? [] : [{ beat, i }]));
    if (rest.length === 0) return outcomes;
    await write([], {
      instances: rest.map(({ beat }) => beat.id),
      run: async ({ tx }) => {
        for (const { beat, i } of rest) outcomes[i] = await renewInstance(tx, beat, applyOptions);
      },
    });
    return outcomes;
  }
}

const LEAD = `
  insert into leaders as l (name, holder, token, until) values ($1, $2, 1, $4)
  on conflict (name) do update set
    holder = excluded.holder,
    until = excluded.until,
    token = l.token + case when l.holder = excluded.holder and l.until > $3 then 0 else 1 end
  where l.holder = excluded.holder or l.until <= $3
  returning token, until`;

const BEGIN_IDEMPOTENT = `
  insert into idempotency (actor, key, body_hash, at) values ($1, $2, $3, $4)
  on conflict (actor, key) do update set body_hash = excluded.body_hash, at = excluded.at, status = null, body = null`;

async function checkFence({ tx, session }: WriteSet, { name, holder, token }: Fence): Promise<void> {
  const rows = await session.all(
    "select 1 from leaders where name = $1 and holder = $2 and token = $3 and until > $4",
    [name, holder, token, tx.now],
  );
  if (rows.length === 0) throw new StoreError("ERR_STORE_FENCED", `${holder} no longer leads ${name}`);
}
