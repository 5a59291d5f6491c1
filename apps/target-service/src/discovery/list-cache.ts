import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createGzip } from "node:zlib";
import {
  createListRenderer,
  type ListRenderer,
  type ListSelection,
  type RenderedList,
} from "@promferry/target-registry/render";
import { authoritativeView, type InstanceMirror, type MirrorView } from "./instance-mirror.ts";

export interface CachedList extends RenderedList {
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
  /** Bytes of lists that are kept, compressed ones aside; one list may have more. Default 64 MiB. */
  readonly bytes?: number;
}

interface Entry {
  readonly renderer: ListRenderer;
  /** Revision that `list` is made of; -1 before the first. */
  rev: number;
  list?: Promise<CachedList>;
  latest?: CachedList;
}

export function createListCache(mirror: InstanceMirror, options: ListCacheOptions = {}): ListCache {
  const { entries: mostEntries = 512, bytes: mostBytes = 64 * 2 ** 20 } = options;
  const entries = new Map<string, Entry>();
  // One after the other: two at once would hold the loop twice as often, and each would take twice as long.
  let last: Promise<unknown> = Promise.resolve();

  function build(entry: Entry, { pages, rev }: MirrorView): Promise<CachedList> {
    const list = last.then(async () => {
      const rendered = await entry.renderer.render(pages);
      const { latest } = entry;
      // Equal content: what was compressed of it is still good.
      const gzipped = latest?.etag === rendered.etag ? latest.gzipped : compressedOnce(rendered);
      entry.latest = { ...rendered, rev, gzipped };
      forget();
      return entry.latest;
    });
    last = list.catch(() => {});
    return list;
  }

  function forget(): void {
    let bytes = 0;
    for (const { latest } of entries.values()) bytes += latest?.bytes ?? 0;
    for (const [key, { latest }] of entries) {
      if (entries.size <= mostEntries && (bytes <= mostBytes || entries.size === 1)) return;
      entries.delete(key);
      bytes -= latest?.bytes ?? 0;
    }
  }

  return {
    async get(selection) {
      const view = await authoritativeView(mirror);
      const key = keyOf(selection);
      const entry: Entry = entries.get(key) ?? { renderer: createListRenderer(selection), rev: -1 };
      // The one asked for last stands at the end.
      entries.delete(key);
      entries.set(key, entry);
      if (entry.list === undefined || entry.rev !== view.rev) {
        entry.rev = view.rev;
        entry.list = build(entry, view);
        entry.list.catch(() => {
          entry.rev = -1;
        });
      }
      return entry.list;
    },
  };
}

function compressedOnce(list: RenderedList): () => Promise<Uint8Array> {
  let chunks = list.chunks;
  let packed: Promise<Uint8Array> | undefined;
  return () => {
    packed ??= buffer(Readable.from(chunks).pipe(createGzip()));
    // What was compressed may outlive the list that it was made of.
    chunks = [];
    return packed;
  };
}

function keyOf({ endpoint, project, scope, shard }: ListSelection): string {
  return JSON.stringify([endpoint, project, scope, shard?.index, shard?.count]);
}
