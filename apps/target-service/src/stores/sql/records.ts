import { claimsOf, type SweepState } from "@promferry/target-registry";
import { checkedRecords, StoreError, type StoreRecord } from "@promferry/target-registry/store";
import type { Engine, Row, Session, SqlValue } from "./engine.ts";
import {
  HISTORY_COLUMNS,
  historyOf,
  historyValues,
  IDEMPOTENCY_COLUMNS,
  INSTANCE,
  INSTANCE_COLUMNS,
  INSTANCES,
  idempotencyOf,
  idempotencyValues,
  instanceOf,
  instanceValues,
  LEASE_COLUMNS,
  leaseValues,
  METRIC_COLUMNS,
  metricOf,
  metricValues,
  TOKEN_COLUMNS,
  tokenOf,
  tokenValues,
} from "./rows.ts";

const PAGE = 500;

interface Table {
  readonly select: string;
  /** Of the primary key, in the order of `select`. */
  readonly key: readonly string[];
  readonly recordOf: (row: Row) => StoreRecord;
}

const TABLES: readonly Table[] = [
  {
    select: `select ${INSTANCE} from ${INSTANCES}`,
    key: ["i.id"],
    recordOf: (row) => ({ kind: "instance", instance: instanceOf(row) }),
  },
  {
    select: "select id, doc from tokens",
    key: ["id"],
    recordOf: (row) => ({ kind: "token", token: tokenOf(row) }),
  },
  {
    select: "select * from history",
    key: ["seq"],
    recordOf: (row) => ({ kind: "history", entry: historyOf(row) }),
  },
  { select: "select * from idempotency", key: ["actor", "key"], recordOf: idempotencyOf },
  {
    select: "select * from metrics",
    key: ["id"],
    recordOf: (row) => ({ kind: "metric", row: metricOf(row) }),
  },
];

/** All records, of one moment, in pages. */
export async function* exportRecords(engine: Engine): AsyncGenerator<StoreRecord, void, void> {
  const snapshot = await engine.snapshot();
  try {
    const [store] = await snapshot.all("select * from store");
    if (store === undefined) throw new StoreError("ERR_STORE_DAMAGED", "expected one row in table store");
    yield headerOf(store, await snapshot.all("select name, token from leaders"));
    for (const { select, key, recordOf } of TABLES) {
      const columns = key.join(", ");
      const places = key.map((_, i) => `$${i + 2}`).join(", ");
      let last: SqlValue[] = [];
      for (let rows: readonly Row[] = []; ; ) {
        const where = last.length === 0 ? "" : ` where (${columns}) > (${places})`;
        rows = await snapshot.all(`${select}${where} order by ${columns} limit $1`, [PAGE, ...last]);
        for (const row of rows) yield recordOf(row);
        if (rows.length < PAGE) break;
        const row = rows.at(-1) as Row;
        last = key.map((column) => row[column.replace("i.", "")] as SqlValue);
      }
    }
  } finally {
    await snapshot.end();
  }
}

function headerOf(store: Row, leaders: readonly Row[]): StoreRecord {
  const { store_id, rev, purged_rev, history_seq, authoritative, sweep } = store;
  return {
    kind: "header",
    format: 1,
    storeId: String(store_id),
    rev: Number(rev),
    purgedRev: Number(purged_rev),
    historySeq: Number(history_seq),
    authoritative: Boolean(authoritative),
    sweep: sweep === null ? null : (JSON.parse(String(sweep)) as SweepState),
    fences: Object.fromEntries(leaders.map(({ name, token }) => [String(name), Number(token)])),
  };
}

const HOLDS_SOMETHING = `
  select 1 from store where rev > 0
    or exists (select 1 from instances) or exists (select 1 from tokens) or exists (select 1 from history)`;

/**
 * Fills an empty store inside a transaction. Gives its revision.
 *
 * @throws {StoreError} `ERR_STORE_NOT_EMPTY`, `ERR_STORE_DAMAGED`.
 */
export async function importRecords(
  engine: Engine,
  session: Session,
  records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>,
): Promise<number> {
  if ((await session.all(HOLDS_SOMETHING)).length > 0) {
    throw new StoreError("ERR_STORE_NOT_EMPTY", "import: expected an empty store");
  }
  for (const table of ["leaders", "idempotency", "metrics", "projects"]) {
    await session.all(`delete from ${table}`);
  }
  let rev = 0;
  let page: StoreRecord[] = [];
  for await (const record of checkedRecords(records)) {
    if (record.kind === "header") rev = record.rev;
    if (page.push(record) < PAGE) continue;
    await insertRecords(engine, session, page);
    page = [];
  }
  await insertRecords(engine, session, page);
  await session.all(
    `insert into projects (project, instances)
     select project, count(*) from instances where state <> 'removed' group by project`,
  );
  return rev;
}

async function insertRecords(engine: Engine, session: Session, page: readonly StoreRecord[]): Promise<void> {
  const of = <K extends StoreRecord["kind"]>(kind: K): Extract<StoreRecord, { kind: K }>[] =>
    page.filter((record): record is Extract<StoreRecord, { kind: K }> => record.kind === kind);
  const instances = of("instance").map(({ instance }) => instance);
  try {
    for (const { storeId, rev, purgedRev, historySeq, authoritative, sweep, fences } of of("header")) {
      await session.all(
        `update store set store_id = $1, rev = $2, purged_rev = $3, history_seq = $4, authoritative = $5,
           frozen = $6, sweep = $7`,
        [storeId, rev, purgedRev, historySeq, authoritative, false, sweep && JSON.stringify(sweep)],
      );
      const rows = Object.entries(fences).map(([name, token]) => [name, "", token, 0]);
      await session.insert("leaders", ["name", "holder", "token", "until"], rows);
    }
    await session.insert("instances", INSTANCE_COLUMNS, instances.map(instanceValues));
    await session.insert("leases", LEASE_COLUMNS, instances.map(leaseValues));
    await session.insert(
      "claims",
      ["claim", "instance_id"],
      instances.flatMap((instance) => claimsOf(instance).map((key) => [key, instance.id])),
    );
    await session.insert(
      "tokens",
      TOKEN_COLUMNS,
      of("token").map(({ token }) => tokenValues(token)),
    );
    await session.insert(
      "history",
      HISTORY_COLUMNS,
      of("history").map(({ entry }) => historyValues(entry)),
    );
    await session.insert("idempotency", IDEMPOTENCY_COLUMNS, of("idempotency").map(idempotencyValues));
    await session.insert(
      "metrics",
      METRIC_COLUMNS,
      of("metric").map(({ row }) => metricValues(row)),
    );
  } catch (error) {
    if (!engine.isDuplicate(error)) throw error;
    throw new StoreError("ERR_STORE_DAMAGED", `import: expected each key once: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
