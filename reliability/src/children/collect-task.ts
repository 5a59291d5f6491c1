/** What `collect.ts` is told, and what it tells. */
export interface CollectTask {
  readonly dir: string;
  /** Gets a line before each flush. */
  readonly sideLog: string;
  readonly seed: string;
  /** Longest pause between two flushes. */
  readonly pauseMs: number;
  /** Who says yes: the configuration, or `consent.json` alone. Default `config`. */
  readonly consent?: "config" | "file";
}

/** A line of the side log: what had been counted when a flush began, or that it was acknowledged. */
export interface CollectLine {
  readonly session: string;
  readonly flush: number;
  readonly counts: readonly number[];
  /** Number of the frame that is on the disk. */
  readonly seq?: number;
  /** When that was known. */
  readonly atMs?: number;
}

export const KINDS = ["a", "b", "c"] as const;
