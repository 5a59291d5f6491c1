import { randomUUID } from "node:crypto";
import type { EpochMs, Instance } from "../../model/instance.ts";
import type { SweepState } from "../../states/sweep.ts";
import type { JoinToken } from "../../tokens/join-token.ts";
import type { Fence, HistoryEntry, IdempotencyKey, IdempotentAnswer, MetricRow } from "../target-store.ts";

export interface IdempotencyRow {
  readonly key: IdempotencyKey;
  readonly bodyHash: string;
  readonly at: EpochMs;
  readonly answer: IdempotentAnswer | null;
}

/** All that the store holds; replaced as a whole by an import. */
export interface Tables {
  storeId: string;
  rev: number;
  purgedRev: number;
  historySeq: number;
  authoritative: boolean;
  frozen: boolean;
  sweep: SweepState | null;
  readonly instances: Map<string, Instance>;
  /** Ids of `instances`, bytewise; undefined once one has come or gone. */
  sortedIds: readonly string[] | undefined;
  /** Instance ids by project, of those that are not removed. */
  readonly counts: Map<string, number>;
  /** Claim to instance id. */
  readonly claims: Map<string, string>;
  /** Instance id to claims. */
  readonly held: Map<string, readonly string[]>;
  readonly tokens: Map<string, JoinToken>;
  /** By instance, oldest first. */
  readonly history: Map<string, HistoryEntry[]>;
  readonly idempotency: Map<string, IdempotencyRow>;
  readonly metrics: Map<string, MetricRow>;
  readonly leaders: Map<string, Fence>;
}

export function emptyTables(): Tables {
  return {
    storeId: randomUUID(),
    rev: 0,
    purgedRev: 0,
    historySeq: 0,
    authoritative: false,
    frozen: false,
    sweep: null,
    instances: new Map(),
    sortedIds: undefined,
    counts: new Map(),
    claims: new Map(),
    held: new Map(),
    tokens: new Map(),
    history: new Map(),
    idempotency: new Map(),
    metrics: new Map(),
    leaders: new Map(),
  };
}

/** Adds a line to an instance's history. */
export function pushHistory(tables: Tables, entry: HistoryEntry): void {
  const entries = tables.history.get(entry.instanceId) ?? [];
  tables.history.set(entry.instanceId, entries);
  entries.push(entry);
}

/** One text for an idempotency key: no two keys share it. */
export function idempotencyId({ actor, key }: IdempotencyKey): string {
  return JSON.stringify([actor, key]);
}
