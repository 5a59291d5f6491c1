import type {
  DueInstance,
  EpochMs,
  Instance,
  JoinToken,
  ListTally,
  SweepState,
} from "@promferry/target-registry";
import {
  type Changes,
  type HistoryEntry,
  type InstanceFilter,
  type MetricQuery,
  type MetricRow,
  type Page,
  type PageRequest,
  StoreError,
  type StoreInfo,
} from "@promferry/target-registry/store";
import type { Engine, Row, SqlValue } from "./engine.ts";
import { historyOf, INSTANCE, INSTANCES, instanceOf, listMark, listsOf, metricOf, tokenOf } from "./rows.ts";

export async function readInfo(
  engine: Engine,
): Promise<StoreInfo & { readonly sweep: SweepState | undefined }> {
  const [row] = await engine.all("select * from store");
  if (row === undefined) throw new StoreError("ERR_STORE_DAMAGED", "expected one row in table store");
  const { store_id: storeId, rev, authoritative, frozen, sweep } = row;
  return {
    storeId: String(storeId),
    rev: Number(rev),
    authoritative: Boolean(authoritative),
    frozen: Boolean(frozen),
    sweep: sweep === null ? undefined : (JSON.parse(String(sweep)) as SweepState),
  };
}

export async function readInstance(engine: Engine, id: string): Promise<Instance | undefined> {
  const [row] = await engine.all(`select ${INSTANCE} from ${INSTANCES} where i.id = $1`, [id]);
  return row === undefined ? undefined : instanceOf(row);
}

export async function readToken(engine: Engine, id: string): Promise<JoinToken | undefined> {
  const [row] = await engine.all("select doc from tokens where id = $1", [id]);
  return row === undefined ? undefined : tokenOf(row);
}

export async function readList(
  engine: Engine,
  filter: InstanceFilter,
  { after = "", limit = 1_000 }: PageRequest,
): Promise<Page<Instance>> {
  const parameters: SqlValue[] = [after, limit + 1];
  const conditions = ["i.id > $1"];
  for (const column of ["project", "service", "scope"] as const) {
    const value = filter[column];
    if (value !== undefined) conditions.push(`i.${column} = $${parameters.push(value)}`);
  }
  const { endpoint, states } = filter;
  if (endpoint !== undefined) {
    conditions.push(`replace(i.lists, $${parameters.push(listMark(endpoint))}, '') <> i.lists`);
  }
  if (states !== undefined) conditions.push(engine.among("i.state", parameters.push(states)));
  // The page first, then its leases: without statistics PostgreSQL would join all of them for each page.
  const rows = await engine.all(
    `select ${INSTANCE} from (
       select * from instances i where ${conditions.join(" and ")} order by i.id limit $2
     ) i join leases l on l.id = i.id order by i.id`,
    parameters,
  );
  return pageOf(rows.map(instanceOf), limit, ({ id }) => id);
}

export async function readHistory(
  engine: Engine,
  id: string,
  { after = "", limit = 1_000 }: PageRequest,
): Promise<Page<HistoryEntry>> {
  const before = after === "" ? Number.MAX_SAFE_INTEGER : Number(after);
  const rows = await engine.all(
    "select * from history where instance_id = $1 and seq < $2 order by seq desc limit $3",
    [id, before, limit + 1],
  );
  return pageOf(rows.map(historyOf), limit, ({ seq }) => String(seq));
}

function pageOf<T>(items: T[], limit: number, cursorOf: (last: T) => string): Page<T> {
  if (items.length <= limit) return { items };
  items.pop();
  return { items, next: cursorOf(items.at(-1) as T) };
}

export async function readDue(
  engine: Engine,
  now: EpochMs,
  limit: number,
  after?: Pick<DueInstance, "deadline" | "id">,
): Promise<DueInstance[]> {
  const parameters: SqlValue[] = [now, limit];
  const behind =
    after === undefined
      ? ""
      : `and (l.deadline, l.id) > ($${parameters.push(after.deadline)}, $${parameters.push(after.id)})`;
  const rows = await engine.all(
    // The leases first: SQLite takes a cross join in the order in which it stands, and would begin with all instances.
    `select i.id, i.project, i.state, i.lists, l.deadline from leases l cross join instances i
     where l.deadline <= $1 ${behind} and i.id = l.id order by l.deadline, i.id limit $2`,
    parameters,
  );
  return rows.map(
    ({ id, project, state, lists, deadline }) =>
      ({ id, project, state, deadline, lists: listsOf(lists) }) as unknown as DueInstance,
  );
}

const TALLY = `
  select i.project, i.lists,
    sum(case when i.state in ('active', 'lost', 'draining') then 1 else 0 end) as served,
    sum(case when i.state = 'active' then 1 else 0 end) as active,
    sum(case when i.state = 'active' and l.deadline <= $1 then 1 else 0 end) as overdue,
    sum(case when i.state = 'lost' and i.state_since > $2 then 1 else 0 end) as just_lost,
    sum(case when i.state = 'lost' and l.deadline <= $1 then 1 else 0 end) as leaving,
    sum(case when i.state = 'removed' then 1 else 0 end) as just_lapsed
  from ${INSTANCES}
  where i.state in ('active', 'lost', 'draining') or (i.removed_by = 'lapsed' and i.state_since > $2)
  group by i.project, i.lists`;

export async function readTally(engine: Engine, now: EpochMs, leaseMs: number): Promise<ListTally[]> {
  const tallies = new Map<string, ListTally>();
  for (const row of await engine.all(TALLY, [now, now - leaseMs])) {
    const project = String(row["project"]);
    for (const list of listsOf(row["lists"])) {
      const key = JSON.stringify([project, list]);
      const before = tallies.get(key);
      tallies.set(key, {
        project,
        list,
        served: Number(row["served"]) + (before?.served ?? 0),
        active: Number(row["active"]) + (before?.active ?? 0),
        overdue: Number(row["overdue"]) + (before?.overdue ?? 0),
        justLost: Number(row["just_lost"]) + (before?.justLost ?? 0),
        leaving: Number(row["leaving"]) + (before?.leaving ?? 0),
        justLapsed: Number(row["just_lapsed"]) + (before?.justLapsed ?? 0),
      });
    }
  }
  return [...tallies.values()].sort((a, b) =>
    a.project !== b.project ? (a.project < b.project ? -1 : 1) : a.list < b.list ? -1 : 1,
  );
}

/** The revision and what changed since, in one statement: of one moment. */
const CHANGES = `
  select s.rev as store_rev, s.purged_rev, c.*
  from store s left join (
    select ${INSTANCE} from (select * from instances where rev > $1 order by rev limit $2) i
    join leases l on l.id = i.id
  ) c on 1 = 1
  order by c.rev`;

export async function readChanges(engine: Engine, since: number, limit: number): Promise<Changes> {
  const rows = await engine.all(CHANGES, [since, limit + 1]);
  const rev = Number(rows[0]?.["store_rev"]);
  if (since > rev || since < Number(rows[0]?.["purged_rev"])) {
    return { items: [], rev, more: false, reset: true };
  }
  const all = rows.filter(({ id }) => id !== null).map(instanceOf);
  const items = all.slice(0, limit);
  const more = all.length > items.length;
  return { items, rev: more ? (items.at(-1)?.rev ?? rev) : rev, more, reset: false };
}

export async function readMetrics(engine: Engine, query: MetricQuery): Promise<readonly MetricRow[]> {
  const { resourceType, resourceId, name, from, to, limit } = query;
  const parameters: SqlValue[] = [resourceType, resourceId, from, to, limit];
  const named = name === undefined ? "" : ` and name = $${parameters.push(name)}`;
  const rows: readonly Row[] = await engine.all(
    `select * from metrics
     where resource_type = $1 and resource_id = $2 and at >= $3 and at <= $4${named}
     order by at desc, id desc limit $5`,
    parameters,
  );
  return rows.map(metricOf).reverse();
}
