import type { EpochMs, Instance, JoinToken } from "@promferry/target-registry";
import { claimKey } from "@promferry/target-registry";
import type { HistoryEntry, StoreTransaction } from "@promferry/target-registry/store";
import type { Engine, Row, Session } from "./engine.ts";
import {
  HISTORY_COLUMNS,
  historyValues,
  INSTANCE,
  INSTANCE_COLUMNS,
  INSTANCES,
  instanceOf,
  instanceValues,
  isOpen,
  LEASE_COLUMNS,
  leaseValues,
  TOKEN_COLUMNS,
  tokenOf,
  tokenValues,
} from "./rows.ts";

/** What a transaction has read and means to write: written at its end, in a few statements for all of it. */
export interface WriteSet {
  readonly tx: StoreTransaction;
  readonly session: Session;
  /** Reads instances and tokens ahead, so that nobody asks for them one by one. */
  load(ids: readonly string[], tokenIds?: readonly string[]): Promise<void>;
  /** From here on `undo` takes back. */
  mark(): void;
  undo(): void;
  /** Writes what has come together, and reads anew after that. Gives the revision. */
  flush(): Promise<number>;
}

interface Meta {
  readonly rev: number;
  readonly purgedRev: number;
  readonly historySeq: number;
}

export function metaOf(row: Row): Meta {
  const { rev, purged_rev: purgedRev, history_seq: historySeq } = row;
  return { rev, purgedRev, historySeq } as Meta;
}

export function createWriteSet(engine: Engine, session: Session, stored: Meta, now: EpochMs): WriteSet {
  const instances = new Map<string, Instance | undefined>();
  const tokens = new Map<string, JoinToken | undefined>();
  const counts = new Map<string, number>();
  /** Who had or took a claim; where `held` has its owner, that decides whether he still has it. */
  const claims = new Map<string, string | undefined>();
  const held = new Map<string, ReadonlySet<string>>();
  const putInstances = new Map<string, Instance | undefined>();
  const putTokens = new Map<string, JoinToken>();
  const putCounts = new Map<string, number>();
  const history: HistoryEntry[] = [];
  let meta = stored;
  let written = stored;
  let undos: (() => void)[] = [];

  const set = <V>(map: Map<string, V>, key: string, value: V): void => {
    const had = map.has(key);
    const before = map.get(key) as V;
    undos.push(() => (had ? map.set(key, before) : map.delete(key)));
    map.set(key, value);
  };
  const setMeta = (changes: Partial<Meta>): void => {
    const before = meta;
    undos.push(() => {
      meta = before;
    });
    meta = { ...meta, ...changes };
  };
  const setInstance = async (id: string, instance: Instance | undefined): Promise<void> => {
    await loadInstances([id]);
    const before = instances.get(id);
    for (const [one, by] of [
      [before, -1],
      [instance, 1],
    ] as const) {
      if (one === undefined || one.state === "removed") continue;
      const count = (await countInstances(one.project)) + by;
      set(counts, one.project, count);
      set(putCounts, one.project, count);
    }
    set(instances, id, instance);
    set(putInstances, id, instance);
  };

  const tx: StoreTransaction = {
    now,
    nextRev: async () => {
      setMeta({ rev: meta.rev + 1 });
      return meta.rev;
    },
    instance: async (id) => {
      await loadInstances([id]);
      return instances.get(id);
    },
    putInstance: (instance) => setInstance(instance.id, instance),
    deleteInstance: async (id) => {
      await loadInstances([id]);
      const gone = instances.get(id);
      if (gone === undefined) return;
      setMeta({ purgedRev: Math.max(meta.purgedRev, gone.rev) });
      await setInstance(id, undefined);
    },
    countInstances,
    claimOwners: async (keys) => {
      await loadClaims(keys);
      const owners = new Map<string, string>();
      for (const key of keys) {
        const owner = claims.get(key);
        if (owner !== undefined && held.get(owner)?.has(key) !== false) owners.set(key, owner);
      }
      return owners;
    },
    setClaims: async (id, keys) => {
      set(held, id, new Set(keys));
      for (const key of keys) set(claims, key, id);
    },
    token: async (id) => {
      await loadTokens([id]);
      return tokens.get(id);
    },
    putToken: async (token) => {
      set(tokens, token.id, token);
      set(putTokens, token.id, token);
    },
    openTokens: async (instanceId) => {
      const rows = await session.all("select doc from tokens where instance_id = $1 and is_open", [
        instanceId,
      ]);
      const open = new Map(rows.map(tokenOf).map((token) => [token.id, token]));
      for (const [id, token] of putTokens) open.set(id, token);
      return [...open.values()].filter((token) => token.instanceId === instanceId && isOpen(token));
    },
    addHistory: async (entry) => {
      setMeta({ historySeq: meta.historySeq + 1 });
      undos.push(() => history.pop());
      history.push({ seq: meta.historySeq, ...entry });
    },
  };

  return {
    tx,
    session,
    load: async (ids, tokenIds = []) => {
      await loadTokens(tokenIds);
      const loaded = await loadInstances(ids);
      const scoped = loaded.flatMap(({ scope, endpoints }) =>
        endpoints.map((endpoint) => claimKey(scope, endpoint)),
      );
      await loadClaims([...new Set(scoped)]);
    },
    mark: () => {
      undos = [];
    },
    undo: () => {
      for (const step of undos.reverse()) step();
      undos = [];
    },
    flush,
  };

  async function loadInstances(ids: readonly string[]): Promise<Instance[]> {
    const missing = ids.filter((id) => !instances.has(id));
    if (missing.length === 0) return [];
    const rows = await session.all(
      `select ${INSTANCE} from ${INSTANCES} where ${engine.among("i.id", 1)}${engine.lockLeases}`,
      [missing],
    );
    for (const id of missing) instances.set(id, undefined);
    const loaded = rows.map(instanceOf);
    for (const instance of loaded) instances.set(instance.id, instance);
    return loaded;
  }

  async function loadTokens(ids: readonly string[]): Promise<void> {
    const missing = ids.filter((id) => !tokens.has(id));
    if (missing.length === 0) return;
    const rows = await session.all(`select doc from tokens where ${engine.among("id", 1)}`, [missing]);
    for (const id of missing) tokens.set(id, undefined);
    for (const token of rows.map(tokenOf)) tokens.set(token.id, token);
  }

  async function loadClaims(keys: readonly string[]): Promise<void> {
    const missing = keys.filter((key) => !claims.has(key));
    if (missing.length === 0) return;
    const rows = await session.all(
      `select claim, instance_id from claims where ${engine.among("claim", 1)}`,
      [missing],
    );
    for (const key of missing) claims.set(key, undefined);
    for (const { claim, instance_id: owner } of rows) claims.set(String(claim), String(owner));
  }

  async function countInstances(project: string): Promise<number> {
    const known = counts.get(project);
    if (known !== undefined) return known;
    const [row] = await session.all("select instances from projects where project = $1", [project]);
    const count = Number(row?.["instances"] ?? 0);
    counts.set(project, count);
    return count;
  }

  async function flush(): Promise<number> {
    undos = [];
    const put = [...putInstances.values()].filter((instance) => instance !== undefined);
    const gone = [...putInstances].filter(([, instance]) => instance === undefined).map(([id]) => id);
    if (gone.length > 0) {
      for (const table of ["instances", "leases"]) {
        await session.all(`delete from ${table} where ${engine.among("id", 1)}`, [gone]);
      }
    }
    await upsert("instances", INSTANCE_COLUMNS, put.map(instanceValues));
    await upsert("leases", LEASE_COLUMNS, put.map(leaseValues));
    if (held.size > 0) {
      await session.all(`delete from claims where ${engine.among("instance_id", 1)}`, [[...held.keys()]]);
      const rows = [...held].flatMap(([id, keys]) => [...keys].map((key) => [key, id]));
      await session.insert("claims", ["claim", "instance_id"], rows);
    }
    await upsert("projects", ["project", "instances"], [...putCounts]);
    await upsert("tokens", TOKEN_COLUMNS, [...putTokens.values()].map(tokenValues));
    await session.insert("history", HISTORY_COLUMNS, history.map(historyValues));
    if (meta !== written) {
      await session.all("update store set rev = $1, purged_rev = $2, history_seq = $3", [
        meta.rev,
        meta.purgedRev,
        meta.historySeq,
      ]);
      written = meta;
    }
    history.length = 0;
    for (const map of [instances, tokens, counts, claims, held, putInstances, putTokens, putCounts])
      map.clear();
    return meta.rev;
  }

  function upsert(
    table: string,
    columns: readonly string[],
    rows: Parameters<Session["insert"]>[2],
  ): Promise<void> {
    const [key, ...others] = columns;
    const changes = others.map((column) => `${column} = excluded.${column}`).join(", ");
    return session.insert(table, columns, rows, `on conflict (${key}) do update set ${changes}`);
  }
}
