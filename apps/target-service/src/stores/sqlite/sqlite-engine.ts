import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { EpochMs } from "@promferry/target-registry";
import type { Engine, Row, Session } from "../sql/engine.ts";
import { frozen } from "../sql/writer.ts";
import { type Connection, openConnection } from "./connection.ts";
import { isBusy, isConstraint, storeErrorOf } from "./sqlite-error.ts";

export interface SqliteEngineOptions {
  readonly file: string;
  readonly now: () => EpochMs;
  readonly busyMs: number;
}

/** So many statements at a time, then others get their turn. */
const SLICE = 500;

/** The connections of one file: one writes, in turn; one reads what is committed. */
export function createSqliteEngine({ file, now, busyMs }: SqliteEngineOptions): Engine {
  const writer = connect();
  const reader = connect();
  let turn: Promise<unknown> = Promise.resolve();
  let latest = 0;

  return {
    among: (column, n) => `${column} in (select value from json_each($${n}))`,
    lockLeases: "",
    now: async () => clock(),
    all: (text, parameters) => whenFree(() => reader.all(text, parameters)),
    snapshot: async () => {
      const connection = connect();
      await whenFree(() => connection.exec("begin"));
      return {
        all: async (text, parameters) => mapped(() => connection.all(text, parameters)),
        end: async () => connection.close(),
      };
    },
    write: (work) => inTurn(() => transaction((session) => work(session, clock()))),
    renew: (batch, { leaseMs }) =>
      inTurn(() =>
        transaction(async () => {
          const [store] = writer.all("select frozen from store");
          if (store?.["frozen"]) throw frozen();
          const at = clock();
          const renewed = new Set<string>();
          for (const [i, { id, bootId, keyHash }] of batch.entries()) {
            if (i % SLICE === SLICE - 1) await nextTurn();
            const values = [at + leaseMs, at, id, bootId, keyHash];
            if (writer.run(RENEW, values) === 1) renewed.add(id);
          }
          return renewed;
        }),
      ),
    isDuplicate: isConstraint,
    // Nobody tells of other processes' writes: who waits looks for itself.
    listen: () => undefined,
    close: async () => {
      await turn;
      reader.close();
      writer.close();
    },
  };

  function connect(): Connection {
    return mapped(() => openConnection(file));
  }

  function clock(): EpochMs {
    latest = Math.max(latest, Math.floor(now()));
    return latest;
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await whenFree(() => writer.exec("begin immediate"));
    try {
      const result = await work(createSession(writer));
      writer.exec("commit");
      return result;
    } catch (error) {
      try {
        writer.exec("rollback");
      } catch {
        // SQLite has rolled back by itself: on a full disk, for one.
      }
      throw storeErrorOf(error, file);
    }
  }

  /** Waits while another process writes. */
  async function whenFree<T>(work: () => T): Promise<T> {
    const start = performance.now();
    for (let waitMs = 1; ; waitMs = Math.min(50, waitMs * 2)) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() - start > busyMs) throw storeErrorOf(error, file);
      }
      await delay(waitMs);
    }
  }

  function mapped<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeErrorOf(error, file);
    }
  }
}

const RENEW = `
  update leases set deadline = $1, seen_at = $2
  where id = $3 and renewable and boot_id = $4 and key_hash = $5`;

function createSession(connection: Connection): Session {
  let failed = false;
  const attempt = async <T>(work: () => T): Promise<T> => {
    try {
      return work();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  return {
    all: (text, parameters): Promise<readonly Row[]> => attempt(() => connection.all(text, parameters)),
    insert: (table, columns, rows, tail = "") =>
      attempt(() => {
        const places = columns.map((_, i) => `$${i + 1}`).join(", ");
        const text = `insert into ${table} (${columns.join(", ")}) values (${places}) ${tail}`;
        for (const row of rows) connection.run(text, row);
      }),
    failed: () => failed,
  };
}
