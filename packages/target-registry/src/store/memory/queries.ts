import { type EpochMs, type Instance, isServed } from "../../model/instance.ts";
import type { DueInstance, ListTally } from "../../states/sweep.ts";
import type {
  Changes,
  HistoryEntry,
  InstanceFilter,
  MetricQuery,
  MetricRow,
  Page,
  PageRequest,
} from "../target-store.ts";
import type { Tables } from "./tables.ts";

export function listPage(tables: Tables, filter: InstanceFilter, page: PageRequest): Page<Instance> {
  const { after = "", limit = 1_000 } = page;
  tables.sortedIds ??= [...tables.instances.keys()].sort();
  const ids = tables.sortedIds;
  const items: Instance[] = [];
  for (let i = firstAfter(ids, after); i < ids.length && items.length <= limit; i++) {
    const instance = tables.instances.get(ids[i]!);
    if (instance !== undefined && matches(instance, filter)) items.push(instance);
  }
  if (items.length <= limit) return { items };
  items.pop();
  return { items, next: items.at(-1)!.id };
}

function firstAfter(ids: readonly string[], after: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

function matches(instance: Instance, filter: InstanceFilter): boolean {
  const { project, service, scope, endpoint, states } = filter;
  return (
    (project === undefined || instance.project === project) &&
    (service === undefined || instance.service === service) &&
    (scope === undefined || instance.scope === scope) &&
    (endpoint === undefined || instance.endpoints.some(({ name }) => name === endpoint)) &&
    (states === undefined || states.includes(instance.state))
  );
}

export function historyPage(
  tables: Tables,
  id: string,
  { after = "", limit = 1_000 }: PageRequest,
): Page<HistoryEntry> {
  const before = after === "" ? Infinity : Number(after);
  const items = (tables.history.get(id) ?? [])
    .filter(({ seq }) => seq < before)
    .reverse()
    .slice(0, limit + 1);
  if (items.length <= limit) return { items };
  items.pop();
  return { items, next: String(items.at(-1)!.seq) };
}

export function dueInstances(
  tables: Tables,
  now: EpochMs,
  limit: number,
  after: Pick<DueInstance, "deadline" | "id"> = { deadline: Number.NEGATIVE_INFINITY, id: "" },
): DueInstance[] {
  const due: DueInstance[] = [];
  for (const { id, project, state, deadline, endpoints } of tables.instances.values()) {
    if (deadline === null || deadline > now) continue;
    if (deadline < after.deadline || (deadline === after.deadline && id <= after.id)) continue;
    due.push({ id, project, state, deadline, lists: [...new Set(endpoints.map(({ name }) => name))] });
  }
  return due.sort((a, b) => a.deadline - b.deadline || (a.id < b.id ? -1 : 1)).slice(0, limit);
}

export function tallyLists(tables: Tables, now: EpochMs, leaseMs: number): ListTally[] {
  const rows = new Map<string, { -readonly [K in keyof ListTally]: ListTally[K] }>();
  for (const instance of tables.instances.values()) {
    const { project, state, stateSince, deadline, removedBy } = instance;
    const justNow = now - stateSince < leaseMs;
    const isDue = deadline !== null && deadline <= now;
    const justLapsed = removedBy === "lapsed" && justNow;
    if (!isServed(instance) && !justLapsed) continue;
    for (const list of new Set(instance.endpoints.map(({ name }) => name))) {
      const key = `${project} ${list}`;
      const row = rows.get(key) ?? {
        project,
        list,
        served: 0,
        active: 0,
        overdue: 0,
        justLost: 0,
        leaving: 0,
        justLapsed: 0,
      };
      rows.set(key, row);
      row.served += Number(isServed(instance));
      row.active += Number(state === "active");
      row.overdue += Number(state === "active" && isDue);
      row.justLost += Number(state === "lost" && justNow);
      row.leaving += Number(state === "lost" && isDue);
      row.justLapsed += Number(justLapsed);
    }
  }
  return [...rows.values()].sort((a, b) =>
    a.project !== b.project ? (a.project < b.project ? -1 : 1) : a.list < b.list ? -1 : 1,
  );
}

export function changesSince(tables: Tables, since: number, limit: number): Changes {
  const { rev, purgedRev } = tables;
  if (since > rev || since < purgedRev) return { items: [], rev, more: false, reset: true };
  const all = [...tables.instances.values()]
    .filter((instance) => instance.rev > since)
    .sort((a, b) => a.rev - b.rev);
  const items = all.slice(0, limit);
  const more = all.length > items.length;
  return { items, rev: more ? items.at(-1)!.rev : rev, more, reset: false };
}

export function metricRows(tables: Tables, query: MetricQuery): readonly MetricRow[] {
  const { resourceType, resourceId, name, from, to, limit } = query;
  return [...tables.metrics.values()]
    .filter((row) => row.resourceType === resourceType && row.resourceId === resourceId)
    .filter((row) => (name === undefined || row.name === name) && row.at >= from && row.at <= to)
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    .slice(-limit);
}
