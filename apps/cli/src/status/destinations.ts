import { dayOfFile, type JournalIndex } from "@promferry/core/journal";
import type { Ledger, MayLeave } from "@promferry/uploader";
import type { Settings } from "../config/load-config.ts";

export interface DestinationFacts {
  readonly name: string;
  /** Whether the configuration still has it. */
  readonly configured: boolean;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Frames that were deleted before it had them. */
  readonly lostFrames: number;
  /** Time of the newest accepted sample. */
  readonly newest: string | undefined;
  /** Frames that it does not have and that may leave. */
  readonly waitingFrames: number;
  /** The same by day, oldest first. */
  readonly lacks: readonly { readonly day: string; readonly frames: number }[];
}

/** Those that are configured, then those that the ledger still knows. */
export function describeDestinations(
  settings: Settings,
  index: JournalIndex,
  ledger: Ledger,
  mayLeave: MayLeave,
): DestinationFacts[] {
  const configured = settings.metrics.destinations.map(({ name }) => name);
  const leaving = index.frames.filter((frame) => mayLeave(frame) === true);
  return [...new Set([...configured, ...ledger.destinations.keys()])].map((name) => {
    const record = ledger.destinations.get(name);
    const lacks = new Map<string, number>();
    for (const { header, file } of leaving) {
      if (header.seq <= (record?.cursor.get(header.session) ?? -1)) continue;
      const day = dayOfFile(file) ?? file;
      lacks.set(day, (lacks.get(day) ?? 0) + 1);
    }
    return {
      name,
      configured: configured.includes(name),
      accepted: record?.accepted ?? 0,
      refused: record?.refused ?? 0,
      unknown: record?.unknown ?? 0,
      lostFrames: record?.lostFrames ?? 0,
      newest: record?.newestMs === undefined ? undefined : new Date(record.newestMs).toISOString(),
      waitingFrames: [...lacks.values()].reduce((sum, frames) => sum + frames, 0),
      lacks: [...lacks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([day, frames]) => ({ day, frames })),
    };
  });
}
