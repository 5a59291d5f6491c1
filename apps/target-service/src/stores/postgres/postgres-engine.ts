import { setTimeout as delay } from "node:timers/promises";
import type { EpochMs } from "@promferry/target-registry";
import { StoreError } from "@promferry/target-registry/store";
import type pg from "pg";
import type { Engine, Session, SqlValue, WriteOptions } from "../sql/engine.ts";
import { frozen } from "../sql/writer.ts";
import { type ConnectionOptions, clientConfig, createPool, queryRows } from "./connections.ts";
import { listen } from "./listener.ts";
import { migrate } from "./migrate.ts";
import {
  isSerializationFailure,
  isUniqueViolation,
  isUnstorableText,
  storeErrorOf,
} from "./postgres-error.ts";

export interface PostgresEngineOptions extends ConnectionOptions {
  readonly readers: number;
  /** In place of the server's clock. */
  readonly now: (() => EpochMs) | undefined;
}

const RETRIES = 3;
const SERVER_CLOCK = "floor(extract(epoch from clock_timestamp()) * 1000)::bigint";

/** Pools of one database: reads; writes, one transaction at a time; heartbeats, which need not wait for the disk. */
export function createPostgresEngine(options: PostgresEngineOptions): Engine {
  const { now: ownClock } = options;
  const readers = createPool(options, options.readers);
  const writer = createPool(options, 1);
  const renewer = createPool(options, 1, "set synchronous_commit = off");
  const closed = new AbortController();
  let latest = 0;
  let migrated: Promise<void> | undefined;
  let listening: Promise<void> | undefined;
  /** An instant in a statement that has the latest known one as parameter `n`. */
  const clockAt = (n: number): string =>
    ownClock === undefined ? `greatest($${n}::bigint, ${SERVER_CLOCK})` : `$${n}::bigint`;

  return {
    among: (column, n) => `${column} = any($${n}::text[])`,
    lockLeases: " for update of l",
    now: () =>
      reaching(async () => {
        if (ownClock !== undefined) return clock();
        const [row] = await queryRows(readers, `select ${SERVER_CLOCK} as now`);
        return clock(Number(row?.["now"]));
      }),
    all: (text, parameters) =>
      reaching(async () => {
        try {
          return await queryRows(readers, text, parameters);
        } catch (error) {
          if (isUnstorableText(error)) return [];
          throw error;
        }
      }),
    snapshot: () =>
      reaching(async () => {
        const client = await readers.connect();
        // The export's reader may be slow.
        const begin =
          "begin isolation level repeatable read, read only; set local idle_in_transaction_session_timeout = 0";
        try {
          await client.query(begin);
        } catch (error) {
          client.release(true);
          throw error;
        }
        return {
          all: (text: string, parameters?: readonly SqlValue[]) =>
            reaching(() => queryRows(client, text, parameters)),
          end: async () => client.release(await failureOf(client.query("rollback"))),
        };
      }),
    write: (work, writeOptions) => reaching(() => write(work, writeOptions)),
    renew: (batch, { leaseMs }) =>
      reaching(async () => {
        const columns = [
          batch.map(({ id }) => id),
          batch.map(({ bootId }) => bootId),
          batch.map(({ keyHash }) => keyHash),
        ];
        const [row] = await queryRows(renewer, renewText(clockAt(4)), [...columns, clock(), leaseMs]);
        if (row?.["frozen"]) throw frozen();
        clock(Number(row?.["at"]));
        return new Set((row?.["ids"] ?? []) as string[]);
      }),
    isDuplicate: isUniqueViolation,
    listen: (saw) => {
      const look = async (): Promise<number> => {
        const [row] = await queryRows(readers, "select rev from store");
        return Number(row?.["rev"]);
      };
      listening = listen({ config: clientConfig(options), saw, look, signal: closed.signal });
    },
    close: async () => {
      closed.abort();
      await listening;
      await Promise.all([readers, writer, renewer].map((pool) => pool.end()));
    },
  };

  function clock(server = 0): EpochMs {
    latest = Math.max(latest, ownClock === undefined ? server : Math.floor(ownClock()));
    return latest;
  }

  /** With the schema there, and errors as callers know them. */
  async function reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      migrated ??= migrateOnce();
      await migrated;
      return await work();
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  async function migrateOnce(): Promise<void> {
    try {
      const client = await writer.connect();
      const failure = await failureOf(migrate(client));
      client.release(failure);
      if (failure !== undefined) throw failure;
    } catch (error) {
      migrated = undefined;
      throw error;
    }
  }

  async function write<T>(
    work: (session: Session, now: EpochMs) => Promise<T>,
    { once = false }: WriteOptions = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await transaction(work, once);
      } catch (error) {
        if (!isSerializationFailure(error) || once) throw error;
        if (attempt > RETRIES) {
          const message = `PostgreSQL: lost the race ${attempt} times; try again later`;
          throw new StoreError("ERR_STORE_UNAVAILABLE", message, { cause: error });
        }
      }
      await delay(Math.random() * 20 * attempt);
    }
  }

  async function transaction<T>(
    work: (session: Session, now: EpochMs) => Promise<T>,
    slow: boolean,
  ): Promise<T> {
    const client = await writer.connect();
    let broken: Error | undefined;
    try {
      const results = (await client.query(slow ? BEGIN_SLOW : BEGIN)) as unknown as pg.QueryResult[];
      const server = Number(results.at(-1)?.rows[0]?.now);
      const result = await work(createSession(client), clock(server));
      await client.query("commit");
      return result;
    } catch (error) {
      broken = await failureOf(client.query("rollback"));
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** The row of the store is the lock: whoever writes has it, and sees all that committed before. */
const LOCK = `select 1 from store for update; select ${SERVER_CLOCK} as now`;
const BEGIN = `begin isolation level read committed; ${LOCK}`;
const BEGIN_SLOW = `begin isolation level read committed; set local statement_timeout = 0;
  set local idle_in_transaction_session_timeout = 0; ${LOCK}`;

/** Leases that a writer holds are left to be decided one by one: heartbeats never wait, so nothing waits in a circle. */
function renewText(clock: string): string {
  return `
    with asked as (select * from unnest($1::text[], $2::text[], $3::text[]) as b (id, boot_id, key_hash)),
    moment as (select ${clock} as at),
    due as (
      select l.id from asked b join leases l on l.id = b.id cross join moment m
      where l.renewable and l.boot_id = b.boot_id and l.key_hash = b.key_hash
        and not (select frozen from store)
      for update of l skip locked
    ),
    renewed as (
      update leases l set deadline = m.at + $5::bigint, seen_at = m.at
      from due, moment m where l.id = due.id returning l.id
    )
    select s.frozen, (select array_agg(id) from renewed) as ids, (select at from moment) as at from store s`;
}

/** Parameters of one statement that PostgreSQL takes at most. */
const PARAMETERS = 65_535;
const ROWS = 500;

function createSession(client: pg.ClientBase): Session {
  let failed = false;
  const all = async (text: string, parameters?: readonly SqlValue[]): ReturnType<Session["all"]> => {
    try {
      return await queryRows(client, text, parameters);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  return {
    all,
    insert: async (table, columns, rows, tail = "") => {
      const width = columns.length;
      const step = Math.min(ROWS, Math.floor(PARAMETERS / width));
      for (let start = 0; start < rows.length; start += step) {
        const part = rows.slice(start, start + step);
        const places = part.map((_, r) => `(${columns.map((_, c) => `$${r * width + c + 1}`).join(", ")})`);
        const text = `insert into ${table} (${columns.join(", ")}) values ${places.join(", ")} ${tail}`;
        await all(text, part.flat());
      }
    },
    failed: () => failed,
  };
}

/** The error of a last statement, for a pool that must not use the connection again. */
async function failureOf(work: Promise<unknown>): Promise<Error | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error as Error;
  }
}
