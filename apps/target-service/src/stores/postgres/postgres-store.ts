import type { EpochMs } from "@promferry/target-registry";
import type { StoreOptions, TargetStore } from "@promferry/target-registry/store";
import { createSqlStore } from "../sql/sql-store.ts";
import { createPostgresEngine } from "./postgres-engine.ts";

export interface PostgresStoreOptions extends StoreOptions {
  /** `postgres://user@host:5432/database`, with `sslmode` and what else `pg` reads there. What is missing comes from `PG…` variables. */
  readonly url: string;
  /** Connections for reads. Three more are used: writes, heartbeats, LISTEN. Default 8. */
  readonly readers?: number;
  /** Longest wait for a connection, in milliseconds. Default 2,000. */
  readonly connectMs?: number;
  /** Longest time of one statement, in milliseconds; also how long a stalled transaction may hold others up. Default 5,000. */
  readonly statementMs?: number;
  /** How often a `wait` looks for itself, in milliseconds: NOTIFY is only a hint. Default 5,000. */
  readonly pollMs?: number;
  /** The store's clock. Default: the server's. */
  readonly now?: () => EpochMs;
}

/**
 * Opens a store on PostgreSQL 13 or newer, for any number of replicas.
 *
 * Does not wait for the server: the first call that reaches it migrates the schema, one replica at a time. While the
 * server is away every call rejects with `ERR_STORE_UNAVAILABLE`, at the latest after `connectMs` and `statementMs`;
 * once it is back they work again. Writes are durable when their promise resolves, as far as the server's
 * `synchronous_commit` says; heartbeats are committed, and may be lost with the server's last half second.
 *
 * A connection that died during a commit leaves the outcome open: the call rejects, and may have been done.
 *
 * @throws {TypeError} When `url` is none.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<TargetStore> {
  const { url, now, readers = 8, connectMs = 2_000, statementMs = 5_000, pollMs = 5_000 } = options;
  if (!/^postgres(?:ql)?:\/\//.test(url)) {
    throw new TypeError("url: expected postgres://user@host:port/database");
  }
  const engine = createPostgresEngine({ url, now, readers, connectMs, statementMs });
  return createSqlStore(engine, { ...options, pollMs });
}
