/**
 * The contract of a store. Every engine behaves the same; `@promferry/target-registry/testing` holds the proof.
 *
 * - Writes of instances and tokens are serialised: each sees all that committed before it. A resolved promise means
 *   durable, except for `renew`, which may lose its last flush in a crash.
 * - Only the store's clock counts, in integer milliseconds. It does not run backwards while the store is open.
 * - Revisions are integers below 2^53, one for each changed instance, without gaps for a reader: whoever has seen
 *   revision r has seen every smaller one.
 * - Ids are ordered bytewise. Strings with NUL or a lone surrogate are refused with a `TypeError` before anything
 *   is written, as is any number that is not finite (`checkStorable`).
 * - Serialisation failures are retried three times inside, then `ERR_STORE_UNAVAILABLE`.
 */
import type { EpochMs, Instance, InstanceSpec, InstanceState } from "../model/instance.ts";
import type { ChangeReason, InstanceEvent, Refusal } from "../states/events.ts";
import type { DueInstance, ListTally, SweepState } from "../states/sweep.ts";
import type { Timings } from "../states/timings.ts";
import type { JoinToken } from "../tokens/join-token.ts";

/** Who did it, for the history: `platform:<name>`, `instance:<id>`, `sweep`, `operator`. At most 200 characters. */
export interface Cause {
  readonly actor: string;
  /** Request id, where there was a request. At most 200 characters. */
  readonly request?: string;
}

/** An address that another served instance holds. */
export interface AddressTaken {
  readonly code: "address-taken";
  readonly target: string;
  readonly owner: string;
}

export type ApplyRefusal =
  | { readonly code: Refusal }
  | AddressTaken
  /** The stored revision differs from `ifRev`; 0 stands for "does not exist". */
  | { readonly code: "rev-mismatch"; readonly rev: number }
  /** The project has as many instances as it may. */
  | { readonly code: "quota"; readonly limit: number };

export type Applied =
  | {
      readonly ok: true;
      /** `created` and `changed` have a new revision, `renewed` and `unchanged` the old one. */
      readonly change: "created" | "changed" | "renewed" | "unchanged";
      /** Undefined for the removal of an instance that was not there, and for a token without one. */
      readonly instance: Instance | undefined;
      /** Instances that lost their address to this one, now `removed` by `superseded`. */
      readonly superseded: readonly string[];
    }
  | ({ readonly ok: false } & ApplyRefusal);

export interface JoinRequest {
  readonly tokenId: string;
  /** SHA-256 of the secret's text. */
  readonly secretHash: string;
  readonly instanceId: string;
  readonly bootId: string;
  /** SHA-256 of the instance's own key. */
  readonly keyHash: string;
  /** Already checked against the policy; the store checks them against the token's grant. */
  readonly endpoints: Instance["endpoints"];
  /** The connection came from each of the claimed addresses. */
  readonly verified: boolean;
}

/**
 * Why a token did not let an instance in.
 *
 * - `token-unknown`: no such id, or another secret. `token-expired`, `token-revoked`.
 * - `token-used`: with another key. The token was stolen, or this is the thief: raise an alarm.
 * - `token-bound`: to another instance. `token-range`: an endpoint outside the grant.
 */
export type TokenRefusal =
  | "token-unknown"
  | "token-expired"
  | "token-revoked"
  | "token-used"
  | "token-bound"
  | "token-range";

export type Joined =
  | {
      readonly ok: true;
      /** `replayed`: the same token with the same key again; the lease is renewed, nothing else happens. */
      readonly change: "created" | "changed" | "replayed";
      readonly instance: Instance;
      readonly superseded: readonly string[];
    }
  | ({ readonly ok: false } & (ApplyRefusal | { readonly code: TokenRefusal }));

export interface Heartbeat {
  readonly id: string;
  readonly bootId: string;
  readonly keyHash: string;
}

/** `renewed`, `returned` (from lost, draining or removed, under a new revision), or why not. */
export type RenewOutcome = "renewed" | "returned" | Refusal | "address-taken" | "quota";

export interface InstanceFilter {
  readonly project?: string;
  readonly service?: string;
  readonly scope?: string;
  /** Instances with at least one endpoint of this name. */
  readonly endpoint?: string;
  /** Default: all. */
  readonly states?: readonly InstanceState[];
}

export interface PageRequest {
  /** `next` of the page before. Default: from the start. */
  readonly after?: string;
  /** 1 to 10,000. Default 1,000. */
  readonly limit?: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** One line of an instance's history. */
export interface HistoryEntry {
  /** Ascending within a store. */
  readonly seq: number;
  readonly at: EpochMs;
  readonly instanceId: string;
  readonly what: ChangeReason | "rebooted" | "token-misuse";
  readonly actor: string;
  readonly request: string | null;
  /** Revision of the instance after it. */
  readonly rev: number;
}

export interface Changes {
  /** Latest state of each instance whose revision is above `since`, by revision; removed ones are tombstones. */
  readonly items: readonly Instance[];
  /** Ask for what is above this next. Equals `since` when there was nothing. */
  readonly rev: number;
  /** There is more at once. */
  readonly more: boolean;
  /** Tombstones after `since` are gone, or `since` is ahead of this store: drop everything, read `list`, then follow from `rev`. */
  readonly reset: boolean;
}

export interface StoreInfo {
  /** Random, made with the store, kept by export and import. */
  readonly storeId: string;
  /** Of the latest change; 0 in a new store. */
  readonly rev: number;
  /** Whether lists made from it may be served: false in a new store. */
  readonly authoritative: boolean;
  readonly frozen: boolean;
}

/** Proof of leadership. `token` grows with each change of leader. */
export interface Fence {
  readonly name: string;
  readonly holder: string;
  readonly token: number;
  readonly until: EpochMs;
}

export interface IdempotencyKey {
  /** Who sent it; keys of two callers never meet. At most 200 characters. */
  readonly actor: string;
  /** 1 to 200 characters. */
  readonly key: string;
}

/** What came of an idempotent call: no secret may stand in it. */
export interface IdempotentAnswer {
  readonly status: number;
  /** At most 65,536 characters. */
  readonly body: string;
}

/**
 * - `new`: go on, then `finishIdempotent`. - `done`: give this answer again. - `running`: another call has it.
 * - `mismatch`: the key was used with another body.
 */
export type IdempotencyOutcome =
  | { readonly state: "new" }
  | { readonly state: "done"; readonly answer: IdempotentAnswer }
  | { readonly state: "running" }
  | { readonly state: "mismatch" };

/** What every engine takes. */
export interface StoreOptions {
  /** Default `DEFAULT_TIMINGS`. */
  readonly timings?: Timings;
  /** Instances of one project that are not removed. Default 10,000. */
  readonly instancesPerProject?: number;
  /** How long history is kept, in milliseconds. Default 30 days. */
  readonly historyMs?: number;
  /** How long metrics are kept, in milliseconds. Default 30 days. */
  readonly metricsMs?: number;
}

/** One derived value, of the optional collector. */
export interface MetricRow {
  /** UUID; a row with a known id is ignored. */
  readonly id: string;
  readonly resourceType: "project" | "service" | "instance";
  readonly resourceId: string;
  readonly name: string;
  readonly value: number;
  readonly at: EpochMs;
  readonly labels: Readonly<Record<string, string>>;
}

export interface MetricQuery {
  readonly resourceType: MetricRow["resourceType"];
  readonly resourceId: string;
  readonly name?: string;
  /** Both included. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** 1 to 11,000; the newest are kept. */
  readonly limit: number;
}

/** One line of an export, in the order: header, then the others in any order, and the end. Plain JSON. */
export type StoreRecord =
  | {
      readonly kind: "header";
      readonly format: 1;
      readonly storeId: string;
      readonly rev: number;
      /** Below it, tombstones are gone. */
      readonly purgedRev: number;
      readonly historySeq: number;
      readonly authoritative: boolean;
      readonly sweep: SweepState | null;
      /** Highest fence token of each leadership. */
      readonly fences: Readonly<Record<string, number>>;
    }
  | { readonly kind: "instance"; readonly instance: Instance }
  | { readonly kind: "token"; readonly token: JoinToken }
  | { readonly kind: "history"; readonly entry: HistoryEntry }
  | {
      readonly kind: "idempotency";
      readonly key: IdempotencyKey;
      readonly bodyHash: string;
      readonly at: EpochMs;
      readonly answer: IdempotentAnswer | null;
    }
  | { readonly kind: "metric"; readonly row: MetricRow }
  /** How many records came before it. Without it an export is cut short. */
  | { readonly kind: "end"; readonly records: number };

export interface TargetStore {
  /** The store's clock. */
  now(): Promise<EpochMs>;
  info(): Promise<StoreInfo>;

  get(id: string): Promise<Instance | undefined>;
  /** By id, bytewise; each page is of one moment. */
  list(filter?: InstanceFilter, page?: PageRequest): Promise<Page<Instance>>;
  /** Newest first. */
  history(instanceId: string, page?: PageRequest): Promise<Page<HistoryEntry>>;

  /**
   * Applies one event as `decide` says, with the claims on its addresses, in one transaction.
   *
   * A `remove` also revokes the unused tokens bound to the instance.
   *
   * @param options.ifRev Only if this is the stored revision; 0: only if it does not exist.
   */
  apply(
    id: string,
    event: InstanceEvent,
    cause: Cause,
    options?: { readonly ifRev?: number },
  ): Promise<Applied>;
  /** Redeems a token and joins, in one transaction: a refused join leaves the token unused. */
  join(request: JoinRequest, cause: Cause): Promise<Joined>;
  /** Heartbeats; one outcome each, in their order. An active instance with the same boot id costs no transaction of its own. At most 10,000. */
  renew(batch: readonly Heartbeat[]): Promise<readonly RenewOutcome[]>;

  /**
   * Adds a token, and with `expected` announces its instance in the same transaction.
   *
   * Refused, and not added, with `removed` when the platform removed the instance it is bound to.
   *
   * @throws {TypeError} When the token's id is taken.
   */
  addToken(token: JoinToken, cause: Cause, expected?: InstanceSpec): Promise<Applied>;
  token(id: string): Promise<JoinToken | undefined>;
  /** False when there was nothing to revoke: unknown, used or revoked before. */
  revokeToken(id: string, cause: Cause): Promise<boolean>;

  /**
   * Instances whose deadline has passed, by deadline and id. 1 to 10,000.
   *
   * @param after The last one of an earlier answer: those that come behind it. Default: from the first on.
   */
  due(limit: number, after?: Pick<DueInstance, "deadline" | "id">): Promise<readonly DueInstance[]>;
  /** Counts of every list that has a served or a just lapsed instance; by project and list. */
  tally(): Promise<readonly ListTally[]>;
  /**
   * Lapses those of `ids` that are still due; gives the ones that changed, purged ones included. At most 10,000.
   *
   * @throws {StoreError} `ERR_STORE_FENCED`.
   */
  lapse(ids: readonly string[], fence: Fence): Promise<readonly string[]>;
  /** Moves every deadline but those of tombstones by so much: the service itself was away. */
  extendDeadlines(byMs: number, fence: Fence): Promise<void>;
  sweepState(): Promise<SweepState | undefined>;
  saveSweepState(state: SweepState, fence: Fence): Promise<void>;
  /**
   * Drops idempotency rows older than 24 h, tokens that expired longer than a key's validity ago, history and metrics
   * older than their retention.
   */
  tidy(fence: Fence): Promise<void>;

  /** @param limit 1 to 10,000. */
  changes(since: number, limit: number): Promise<Changes>;
  /**
   * Resolves once there may be a revision above `rev`, or when `signal` aborts. Only a hint: it may come late or for
   * nothing; `changes` is the truth. Never rejects.
   */
  wait(rev: number, signal: AbortSignal): Promise<void>;

  /**
   * Takes or renews a leadership. Null while another holder's time runs.
   *
   * The same holder keeps its token; a new one gets a greater.
   */
  lead(name: string, holder: string, ttlMs: number): Promise<Fence | null>;
  /** Gives it up at once; nothing happens when it was lost already. */
  resign(fence: Fence): Promise<void>;

  /** @param bodyHash SHA-256 of the request. A `running` row of a call that never finished counts for 60 s. */
  beginIdempotent(key: IdempotencyKey, bodyHash: string): Promise<IdempotencyOutcome>;
  /** Keeps the answer for 24 h; null forgets the key: the call failed and may be tried again. */
  finishIdempotent(key: IdempotencyKey, answer: IdempotentAnswer | null): Promise<void>;

  addMetrics(rows: readonly MetricRow[]): Promise<void>;
  /** By time. */
  metrics(query: MetricQuery): Promise<readonly MetricRow[]>;

  /** Lists made from this store may be served from now on. */
  setAuthoritative(cause: Cause): Promise<void>;
  /** Refuses all writes but leadership and `thaw`, in every process that uses the store, until `thaw`. */
  freeze(cause: Cause): Promise<void>;
  thaw(cause: Cause): Promise<void>;
  /** All there is, of one moment. Freeze first, or what comes later is missing. */
  export(): AsyncIterable<StoreRecord>;
  /**
   * Fills an empty store; all or nothing. Ids, revisions, hashes and the store's id stay, so lists keep their ETag.
   *
   * @throws {StoreError} `ERR_STORE_NOT_EMPTY`, `ERR_STORE_DAMAGED`.
   */
  import(records: AsyncIterable<StoreRecord> | Iterable<StoreRecord>): Promise<void>;

  /** Ends its waits and frees what it holds. Can be called again. */
  close(): Promise<void>;
}
