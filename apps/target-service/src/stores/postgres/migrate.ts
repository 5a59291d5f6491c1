import { StoreError } from "@promferry/target-registry/store";
import type pg from "pg";
import { queryRows } from "./connections.ts";
import { POSTGRES_MIGRATIONS } from "./schema.ts";

/** Any number, the same in every version: one replica migrates, the others wait. */
const LOCK = 7_766_001;

/**
 * Brings the schema up to date: what is missing, in order, all or nothing.
 *
 * @throws {StoreError} `ERR_STORE_DAMAGED` when a newer version made it.
 */
export async function migrate(client: pg.ClientBase): Promise<void> {
  await client.query("begin isolation level read committed");
  try {
    await client.query(`select pg_advisory_xact_lock(${LOCK})`);
    await client.query(
      "create table if not exists migrations (version integer primary key, at timestamptz not null default now())",
    );
    const [row] = await queryRows(client, "select coalesce(max(version), 0) as version from migrations");
    const version = Number(row?.["version"]);
    const known = POSTGRES_MIGRATIONS.length;
    if (version > known) {
      throw new StoreError(
        "ERR_STORE_DAMAGED",
        `PostgreSQL: expected schema version ${known} or less, found ${version}; use the version that made it`,
      );
    }
    for (const [i, migration] of POSTGRES_MIGRATIONS.entries()) {
      if (i < version) continue;
      await client.query(migration);
      await client.query("insert into migrations (version) values ($1)", [i + 1]);
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}
