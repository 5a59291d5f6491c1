import { stat } from "node:fs/promises";
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
  /** Told why a list was not written, once until it is or the reason changes; the file stays as it is meanwhile. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes each list to its file where it changed, whenever it is called. On any doubt, a store that does not answer or is
 * new, no file is touched.
 *
 * @returns Gives how many files changed.
 */
export function createFileSync(options: FileSyncOptions): () => Promise<number> {
  const { dir, endpoints, shards = 1, lists, onError } = options;
  const parts: readonly (Shard | undefined)[] =
    shards === 1 ? [undefined] : Array.from({ length: shards }, (_, index) => ({ index, count: shards }));
  /** The last failure of each file. */
  const told = new Map<string, string>();
  /** What is known to stand in a file, so that it need not be read to compare it: the list's tag, and the file's stamp. */
  const known = new Map<string, { readonly etag: string; readonly stamp: string | undefined }>();

  async function sync(endpoint: string, shard: Shard | undefined): Promise<boolean> {
    const { chunks, etag } = await lists.get({ endpoint, ...(shard && { shard }) });
    const file = join(dir, targetFileName(endpoint, shard));
    const before = known.get(file);
    if (before?.etag === etag && before.stamp === (await stampOf(file))) return false;
    const changed = await writeTargetFile(file, Buffer.concat(chunks));
    known.set(file, { etag, stamp: await stampOf(file) });
    return changed;
  }

  return async () => {
    let changed = 0;
    for (const endpoint of endpoints) {
      for (const shard of parts) {
        const name = targetFileName(endpoint, shard);
        try {
          if (await sync(endpoint, shard)) changed += 1;
          told.delete(name);
        } catch (error) {
          const { message } = error as Error;
          if (told.get(name) !== message) onError(error);
          told.set(name, message);
        }
      }
    }
    return changed;
  };
}

async function stampOf(file: string): Promise<string | undefined> {
  const stats = await stat(file).catch(() => undefined);
  return stats && `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}
