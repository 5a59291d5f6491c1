import { createHash } from "node:crypto";
import { type Shard, shardOf } from "./shard.ts";
import type { TargetPage } from "./target-pages.ts";

/** Which part of all targets a list shows. */
export interface ListSelection {
  /** Endpoint name. */
  readonly endpoint: string;
  /** Default: all projects. */
  readonly project?: string;
  /** Default: all scopes. Name it where scopes have addresses in common. */
  readonly scope?: string;
  /** Default: everything in one list. */
  readonly shard?: Shard;
}

/** A list for http_sd and file_sd: the same bytes for both, and the same for equal content. */
export interface RenderedList {
  /** UTF-8 JSON in pieces, to be sent one after the other as `application/json`. */
  readonly chunks: readonly Uint8Array[];
  /** Length of all of them. */
  readonly bytes: number;
  /** Strong entity tag with its quotes: the SHA-256 of the bytes. */
  readonly etag: string;
  /** Targets in it. */
  readonly count: number;
}

export interface RenderListOptions {
  /** Longest time that the event loop is held, in milliseconds. Default 5. */
  readonly sliceMs?: number;
  /** Lets others run between slices. Default `setImmediate`. */
  readonly pause?: () => Promise<void>;
  /** Milliseconds by a monotonic clock. Default `performance.now`. */
  readonly elapsed?: () => number;
}

/** Renders one list again and again; pages that it has seen in the last one cost next to nothing. */
export interface ListRenderer {
  /** One at a time. */
  render(pages: readonly TargetPage[]): Promise<RenderedList>;
}

interface Part {
  /** Groups, each behind `,\n`. */
  readonly bytes: Buffer;
  readonly count: number;
}

const NOTHING: Part = { bytes: Buffer.alloc(0), count: 0 };
const BEGIN: Buffer = Buffer.from("[");
const END: Buffer = Buffer.from("]\n");
const SEPARATOR = ",\n";

/**
 * One group a target, with `targets` and `labels` and no other field, sorted by instance id. An instance of which nothing
 * matches leaves no trace.
 */
export function createListRenderer(selection: ListSelection, options: RenderListOptions = {}): ListRenderer {
  const { sliceMs = 5, pause = letOthersRun, elapsed = () => performance.now() } = options;
  let known: ReadonlyMap<TargetPage, Part> = new Map();

  return {
    async render(pages) {
      let since = elapsed();
      const restWhenTired = (): Promise<void> | undefined =>
        elapsed() - since < sliceMs
          ? undefined
          : pause().then(() => {
              since = elapsed();
            });
      const parts = new Map<TargetPage, Part>();
      for (const page of pages) {
        parts.set(page, known.get(page) ?? renderPart(page, selection));
        await restWhenTired();
      }
      known = parts;
      const filled = [...parts.values()].filter(({ count }) => count > 0);
      const chunks = [
        BEGIN,
        ...filled.map(({ bytes }, i) => (i === 0 ? bytes.subarray(SEPARATOR.length) : bytes)),
        END,
      ];
      const hash = createHash("sha256");
      let bytes = 0;
      for (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        await restWhenTired();
      }
      const count = filled.reduce((sum, part) => sum + part.count, 0);
      return { chunks, bytes, etag: `"${hash.digest("base64url")}"`, count };
    },
  };
}

function renderPart(page: TargetPage, { endpoint, project, scope, shard }: ListSelection): Part {
  let text = "";
  let count = 0;
  for (const instance of page) {
    if (project !== undefined && instance.project !== project) continue;
    if (scope !== undefined && instance.scope !== scope) continue;
    if (shard !== undefined && shardOf(instance.id, shard.count) !== shard.index) continue;
    if (!Object.hasOwn(instance.groups, endpoint)) continue;
    const groups = instance.groups[endpoint]!;
    text += groups.text;
    count += groups.count;
  }
  return count === 0 ? NOTHING : { bytes: Buffer.from(text), count };
}

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
