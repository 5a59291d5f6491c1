import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type ListSelection, renderTargetList, type TargetList } from "@promferry/target-registry/render";
import { authoritativeView, type InstanceMirror, type MirrorView } from "./instance-mirror.ts";

const compress = promisify(gzip);

export interface CachedList extends TargetList {
  /** Revision of the store that it shows. */
  readonly rev: number;
  /** The same bytes, compressed once. */
  gzipped(): Promise<Uint8Array>;
}

/** Rendered lists, one for each selection that was asked for. */
export interface ListCache {
  /**
   * The list as the mirror has it: rendered again only after a change, so at most as often as the mirror looks.
   *
   * @throws {ProblemError} `store_new`. @throws {StoreError}
   */
  get(selection: ListSelection): Promise<CachedList>;
}

export interface ListCacheOptions {
  /** Selections that are kept; the one used longest ago goes. Default 512. */
  readonly entries?: number;
}

export function createListCache(mirror: InstanceMirror, options: ListCacheOptions = {}): ListCache {
  const { entries = 512 } = options;
  const cache = new Map<string, { readonly rev: number; readonly list: Promise<CachedList> }>();
  // One after the other: two at once would hold the loop twice as often, and each would take twice as long.
  let last: Promise<unknown> = Promise.resolve();

  function build(selection: ListSelection, view: MirrorView): Promise<CachedList> {
    const list = last.then(async () => {
      const rendered = await renderTargetList(view.served, selection);
      let packed: Promise<Uint8Array> | undefined;
      return { ...rendered, rev: view.rev, gzipped: () => (packed ??= compress(rendered.body)) };
    });
    last = list.catch(() => {});
    return list;
  }

  return {
    async get(selection) {
      const view = await authoritativeView(mirror);
      const key = keyOf(selection);
      const known = cache.get(key);
      cache.delete(key);
      const entry = known?.rev === view.rev ? known : { rev: view.rev, list: build(selection, view) };
      cache.set(key, entry);
      entry.list.catch(() => cache.delete(key));
      const [oldest] = cache.keys();
      if (cache.size > entries && oldest !== undefined) cache.delete(oldest);
      return entry.list;
    },
  };
}

function keyOf({ endpoint, project, scope, shard }: ListSelection): string {
  return JSON.stringify([endpoint, project, scope, shard?.index, shard?.count]);
}
