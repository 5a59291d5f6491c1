import { join } from "node:path";
import { type Shard, targetFileName, writeTargetFile } from "@promferry/target-registry/render";
import type { ListCache } from "./list-cache.ts";

export interface FileSyncOptions {
  /** Folder that Prometheus' file_sd watches; it exists. */
  readonly dir: string;
  readonly endpoints: readonly string[];
  /** Files of each list. Default 1. */
  readonly shards?: number;
  readonly lists: ListCache;
  /** Told of each failure; the files stay as they are then. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes each list to its file where it changed. On any doubt, a store that does not answer or is new, no file is touched.
 *
 * @returns How many files changed.
 */
export async function syncTargetFiles(options: FileSyncOptions): Promise<number> {
  const { dir, endpoints, shards = 1, lists, onError } = options;
  const parts: readonly (Shard | undefined)[] =
    shards === 1 ? [undefined] : Array.from({ length: shards }, (_, index) => ({ index, count: shards }));
  let changed = 0;
  for (const endpoint of endpoints) {
    for (const shard of parts) {
      try {
        const { body } = await lists.get({ endpoint, ...(shard && { shard }) });
        if (await writeTargetFile(join(dir, targetFileName(endpoint, shard)), body)) changed += 1;
      } catch (error) {
        onError(error);
      }
    }
  }
  return changed;
}
