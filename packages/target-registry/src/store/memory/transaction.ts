import type { EpochMs, Instance } from "../../model/instance.ts";
import type { StoreTransaction } from "../transaction.ts";
import { pushHistory, type Tables } from "./tables.ts";

/** Writes go through at once and can be taken back: nobody else looks before the end. */
export function openTransaction(tables: Tables, now: EpochMs): { tx: StoreTransaction; undo: () => void } {
  const undos: (() => void)[] = [];
  const set = <K, V>(map: Map<K, V>, key: K, value: V | undefined): void => {
    const before = map.get(key);
    undos.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  };
  const { rev, purgedRev, historySeq } = tables;
  const count = (instance: Instance | undefined, by: number): void => {
    if (instance === undefined || instance.state === "removed") return;
    set(tables.counts, instance.project, (tables.counts.get(instance.project) ?? 0) + by);
  };
  const dropSortedIds = (): void => {
    tables.sortedIds = undefined;
    undos.push(() => {
      tables.sortedIds = undefined;
    });
  };
  const tx: StoreTransaction = {
    now,
    nextRev: async () => ++tables.rev,
    instance: async (id) => tables.instances.get(id),
    putInstance: async (instance) => {
      count(tables.instances.get(instance.id), -1);
      count(instance, 1);
      if (!tables.instances.has(instance.id)) dropSortedIds();
      set(tables.instances, instance.id, instance);
    },
    deleteInstance: async (id) => {
      const gone = tables.instances.get(id);
      if (gone === undefined) return;
      count(gone, -1);
      tables.purgedRev = Math.max(tables.purgedRev, gone.rev);
      dropSortedIds();
      set(tables.instances, id, undefined);
    },
    countInstances: async (project) => tables.counts.get(project) ?? 0,
    claimOwners: async (keys) => {
      const owners = new Map<string, string>();
      for (const key of keys) {
        const owner = tables.claims.get(key);
        if (owner !== undefined) owners.set(key, owner);
      }
      return owners;
    },
    setClaims: async (id, keys) => {
      for (const key of tables.held.get(id) ?? []) set(tables.claims, key, undefined);
      for (const key of keys) set(tables.claims, key, id);
      set(tables.held, id, keys.length === 0 ? undefined : keys);
    },
    token: async (id) => tables.tokens.get(id),
    putToken: async (token) => set(tables.tokens, token.id, token),
    openTokens: async (id) =>
      [...tables.tokens.values()].filter(
        (token) => token.instanceId === id && token.usedAt === null && token.revokedAt === null,
      ),
    addHistory: async (entry) => {
      pushHistory(tables, { seq: ++tables.historySeq, ...entry });
      undos.push(() => tables.history.get(entry.instanceId)?.pop());
    },
  };
  const undo = (): void => {
    for (const step of undos.reverse()) step();
    Object.assign(tables, { rev, purgedRev, historySeq });
  };
  return { tx, undo };
}
