/** What a database has to offer so that `createSqlStore` makes a store of it. */
import type { EpochMs } from "@promferry/target-registry";
import type { Heartbeat } from "@promferry/target-registry/store";

export type SqlValue = string | number | boolean | null | readonly string[];
export type Row = Readonly<Record<string, unknown>>;

/** Statements in the words that SQLite and PostgreSQL share; parameters are `$1`, `$2`, … in both. */
export interface Session {
  all(text: string, parameters?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Inserts rows. `tail` goes behind them: `on conflict …`. */
  insert(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    tail?: string,
  ): Promise<void>;
  /** Whether a statement failed: the transaction is lost. */
  failed(): boolean;
}

/** A read of one moment. */
export interface Snapshot {
  all(text: string, parameters?: readonly SqlValue[]): Promise<readonly Row[]>;
  end(): Promise<void>;
}

export interface WriteOptions {
  /** May take long, and runs once: nothing is tried again. Default false. */
  readonly once?: boolean;
}

export interface Engine {
  /** A condition: the column equals one of the texts in parameter `n`. */
  among(column: string, n: number): string;
  /** Behind a select of leases `l` inside a write: keeps heartbeats away from these rows until it ends. */
  readonly lockLeases: string;
  /** The store's clock; does not run backwards. */
  now(): Promise<EpochMs>;
  /** One statement, on what is committed. */
  all(text: string, parameters?: readonly SqlValue[]): Promise<readonly Row[]>;
  snapshot(): Promise<Snapshot>;
  /**
   * Runs `work` while it holds the store's write lock, and commits. An error of `work` itself undoes all and comes
   * through unchanged. `work` may run several times.
   *
   * Called by one caller at a time.
   */
  write<T>(work: (session: Session, now: EpochMs) => Promise<T>, options?: WriteOptions): Promise<T>;
  /**
   * Renews the leases that are active and have this boot id and key, and tells whose these are; the rest is left
   * alone. May run beside `write`. Ids are distinct.
   *
   * @throws {StoreError} `ERR_STORE_FROZEN`.
   */
  renew(batch: readonly Heartbeat[], times: RenewTimes): Promise<ReadonlySet<string>>;
  /** Whether a statement failed because a row of that key was there. */
  isDuplicate(error: unknown): boolean;
  /** Begins to report revisions that other handles made, until `close`. Called once, when the first one waits. */
  listen(saw: (rev: number) => void): void;
  close(): Promise<void>;
}

export interface RenewTimes {
  readonly leaseMs: number;
}
