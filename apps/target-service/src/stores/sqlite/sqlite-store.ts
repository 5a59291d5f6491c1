import type { EpochMs } from "@promferry/target-registry";
import type { StoreOptions, TargetStore } from "@promferry/target-registry/store";

export interface SqliteStoreOptions extends StoreOptions {
  /** Path of the database; made with mode 0600 when it is not there. Its folder must exist. */
  readonly file: string;
  /** The store's clock. Default: the host's, which goes on by the monotonic clock when it is set back. */
  readonly now?: () => EpochMs;
  /** How long to wait for another process that writes, in milliseconds. Default 5,000. */
  readonly busyMs?: number;
}

/**
 * Opens a store in one file: for one service, with a command line beside it.
 *
 * Every write is on the disk when its promise resolves (WAL, `synchronous = FULL`), heartbeats too. Writes that wait
 * for each other share a commit. Other processes may use the file at the same time; a `wait` sees their changes a
 * quarter of a second late. Not for network file systems.
 *
 * @throws {StoreError} `ERR_STORE_UNAVAILABLE` when the file can't be opened; `ERR_STORE_DAMAGED` when it is not a
 * store, or a newer version made it.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<TargetStore> {
  throw new Error(`${options.file}: not built yet`);
}
