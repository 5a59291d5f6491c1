import type { Instance } from "../../model/instance.ts";
import { claimsOf } from "../../states/claims.ts";
import { StoreError } from "../store-error.ts";
import type { StoreRecord } from "../target-store.ts";
import { idempotencyId, pushHistory, type Tables } from "./tables.ts";

export function recordsOf(tables: Tables): StoreRecord[] {
  const { storeId, rev, purgedRev, historySeq, authoritative, sweep } = tables;
  const fences = Object.fromEntries([...tables.leaders.values()].map(({ name, token }) => [name, token]));
  return [
    { kind: "header", format: 1, storeId, rev, purgedRev, historySeq, authoritative, sweep, fences },
    ...[...tables.instances.values()].map((instance) => ({ kind: "instance", instance }) as const),
    ...[...tables.tokens.values()].map((token) => ({ kind: "token", token }) as const),
    ...[...tables.history.values()].flat().map((entry) => ({ kind: "history", entry }) as const),
    ...[...tables.idempotency.values()].map((row) => ({ kind: "idempotency", ...row }) as const),
    ...[...tables.metrics.values()].map((row) => ({ kind: "metric", row }) as const),
  ];
}

export function fill(tables: Tables, record: StoreRecord): void {
  switch (record.kind) {
    case "header": {
      const { storeId, rev, purgedRev, historySeq, authoritative, sweep, fences } = record;
      Object.assign(tables, { storeId, rev, purgedRev, historySeq, authoritative, sweep });
      for (const [name, token] of Object.entries(fences)) {
        tables.leaders.set(name, { name, holder: "", token, until: 0 });
      }
      return;
    }
    case "instance":
      fillInstance(tables, record.instance);
      return;
    case "token":
      tables.tokens.set(record.token.id, record.token);
      return;
    case "history":
      pushHistory(tables, record.entry);
      return;
    case "idempotency": {
      const { key, bodyHash, at, answer } = record;
      tables.idempotency.set(idempotencyId(key), { key, bodyHash, at, answer });
      return;
    }
    case "metric":
      tables.metrics.set(record.row.id, record.row);
  }
}

function fillInstance(tables: Tables, instance: Instance): void {
  const { id, project, state } = instance;
  if (tables.instances.has(id)) throw damaged(`each instance once, found ${id} twice`);
  tables.instances.set(id, instance);
  if (state !== "removed") tables.counts.set(project, (tables.counts.get(project) ?? 0) + 1);
  const claims = claimsOf(instance);
  for (const key of claims) {
    if (tables.claims.has(key))
      throw damaged(`one owner of ${key}, found ${tables.claims.get(key)} and ${id}`);
    tables.claims.set(key, id);
  }
  if (claims.length > 0) tables.held.set(id, claims);
}

function damaged(expected: string): StoreError {
  return new StoreError("ERR_STORE_DAMAGED", `import: expected ${expected}`);
}
