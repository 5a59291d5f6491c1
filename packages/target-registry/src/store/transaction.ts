/**
 * What an engine has to offer so that `applyEvent`, `joinInstance` and `addJoinToken` run on it: the rules stand in one place, the engine
 * only reads and writes.
 *
 * A transaction sees everything that committed before it and nothing commits beside it until it ends: an engine takes
 * its write lock first (SQLite: `BEGIN IMMEDIATE`; PostgreSQL: the row with the revision, `FOR UPDATE`).
 */
import type { EpochMs, Instance } from "../model/instance.ts";
import type { JoinToken } from "../tokens/join-token.ts";
import type { HistoryEntry } from "./target-store.ts";

export interface StoreTransaction {
  /** The same for the whole transaction. */
  readonly now: EpochMs;
  /** Takes the next revision. */
  nextRev(): Promise<number>;

  instance(id: string): Promise<Instance | undefined>;
  /** Inserts or replaces it, lists and counts included. */
  putInstance(instance: Instance): Promise<void>;
  /** Drops a tombstone. Readers of changes that are older than its revision have to start anew. */
  deleteInstance(id: string): Promise<void>;
  /** Instances of a project that are not removed. */
  countInstances(project: string): Promise<number>;

  /** Owners of these claims (see `claimKey`); absent where there is none. */
  claimOwners(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** These and no others are the instance's claims from now on. Free or its own already. */
  setClaims(instanceId: string, keys: readonly string[]): Promise<void>;

  token(id: string): Promise<JoinToken | undefined>;
  putToken(token: JoinToken): Promise<void>;
  /** Tokens bound to this instance that are neither used nor revoked. */
  openTokens(instanceId: string): Promise<readonly JoinToken[]>;

  addHistory(entry: Omit<HistoryEntry, "seq">): Promise<void>;
}
