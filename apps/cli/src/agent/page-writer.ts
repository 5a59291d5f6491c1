import {
  createJournalWriter,
  createSegments,
  type DayBoundary,
  type JournalWriter,
} from "@promferry/core/journal";
import type { ScrapedPage } from "../scrape/scraped-page.ts";

export interface PageWriterOptions {
  readonly dir: string;
  readonly dayBoundary: DayBoundary;
  /** Of the whole queue. A segment is at most an eighth of it, so that little is lost at a time. */
  readonly maxBytes: number;
  readonly now: () => number;
  /** Called once a page is on the disk. */
  readonly onWritten: () => void;
}

/** Puts pages into the agent's queue. */
export interface PageWriter {
  /** Resolves once the page is on the disk. Pages of one target come one after the other. */
  write(page: ScrapedPage): Promise<void>;
  close(): Promise<void>;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;

/** Each target is a session of its own: a frame a scrape, mostly of what changed, and an exit frame when it goes. */
export function createPageWriter(options: PageWriterOptions): PageWriter {
  const { dir, dayBoundary, now, onWritten } = options;
  const maxBytes = Math.min(SEGMENT_BYTES, Math.floor(options.maxBytes / 8));
  const segments = createSegments({ dir, maxBytes, dayBoundary });
  const writers = new Map<string, { readonly writer: JournalWriter; intervalMs: number }>();

  function openSession({ target: { id, intervalMs } }: ScrapedPage): {
    writer: JournalWriter;
    intervalMs: number;
  } {
    const known = writers.get(id);
    if (known) return known;
    const common = { dir, segments, dayBoundary, now, origin: "scrape", consent: "user" } as const;
    const opened = { writer: createJournalWriter({ ...common, info: { intervalMs } }), intervalMs };
    writers.set(id, opened);
    return opened;
  }

  return {
    async write(page) {
      const { families, atMs, gone: exit, target } = page;
      // Nothing was ever written that would have to end.
      if (exit && !writers.has(target.id)) return;
      const session = openSession(page);
      const { intervalMs } = target;
      const info = session.intervalMs === intervalMs ? {} : { info: { intervalMs } };
      session.intervalMs = intervalMs;
      await session.writer.write({ kind: "full", families, atMs, exit, ...info });
      if (exit) writers.delete(target.id);
      onWritten();
    },
    async close() {
      await Promise.all([...writers.values()].map(({ writer }) => writer.close()));
    },
  };
}
