import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { EpochMs } from "@promferry/target-registry";
import { StoreError, type StoreOptions, type TargetStore } from "@promferry/target-registry/store";
import { createSqlStore } from "../sql/sql-store.ts";
import { openConnection } from "./connection.ts";
import { SQLITE_MIGRATIONS } from "./schema.ts";
import { createSqliteEngine } from "./sqlite-engine.ts";
import { isBusy, storeErrorOf } from "./sqlite-error.ts";
import { steadyClock } from "./steady-clock.ts";

export interface SqliteStoreOptions extends StoreOptions {
  /** Path of the database; made with mode 0600 when it is not there. Its folder must exist. */
  readonly file: string;
  /** The store's clock. Default: the host's, which goes on by the monotonic clock when it is set back. */
  readonly now?: () => EpochMs;
  /** How long to wait for another process that writes, in milliseconds. Default 5,000. */
  readonly busyMs?: number;
}

const POLL_MS = 250;

/**
 * Opens a store in one file: for one service, with a command line beside it.
 *
 * Every write is on the disk when its promise resolves (WAL, `synchronous = FULL`), heartbeats too. Writes that wait
 * for each other share a commit. Other processes may use the file at the same time; a `wait` sees their changes a
 * quarter of a second late. Not for network file systems.
 *
 * @throws {StoreError} `ERR_STORE_UNAVAILABLE` when the file can't be opened; `ERR_STORE_DAMAGED` when it is not a
 * store, or a newer version made it.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<TargetStore> {
  const { file, now = steadyClock(), busyMs = 5_000 } = options;
  try {
    await (await open(file, "a", 0o600)).close();
  } catch (error) {
    throw new StoreError("ERR_STORE_UNAVAILABLE", `${file}: ${(error as Error).message}`, { cause: error });
  }
  await migrate(file, busyMs);
  const engine = createSqliteEngine({ file, now, busyMs });
  return createSqlStore(engine, { ...options, pollMs: POLL_MS });
}

async function migrate(file: string, busyMs: number): Promise<void> {
  const deadline = performance.now() + busyMs;
  for (;;) {
    try {
      migrateOnce(file);
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeErrorOf(error, file);
    }
    await delay(20);
  }
}

function migrateOnce(file: string): void {
  const connection = openConnection(file);
  try {
    // Stays with the file, so other connections need not ask for it.
    connection.exec("pragma journal_mode = wal");
    connection.exec("begin immediate");
    const [row] = connection.all("pragma user_version");
    const version = Number(row?.["user_version"]);
    if (version > SQLITE_MIGRATIONS.length) {
      throw new StoreError(
        "ERR_STORE_DAMAGED",
        `${file}: expected schema version ${SQLITE_MIGRATIONS.length} or less, found ${version}; use the version that made it`,
      );
    }
    for (const migration of SQLITE_MIGRATIONS.slice(version)) connection.exec(migration);
    if (version === 0) {
      connection.run("insert into store values (1, $1, 0, 0, 0, 0, 0, null)", [randomUUID()]);
    }
    connection.exec(`pragma user_version = ${SQLITE_MIGRATIONS.length}`);
    connection.exec("commit");
  } finally {
    connection.close();
  }
}
