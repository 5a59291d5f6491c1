import type { TargetGroup } from "./target-group.ts";

/** Where the groups of a list come from: a file, a URL, or the configuration. */
export interface ListedGroups {
  /** A path or URL; empty for the configuration. */
  readonly source: string;
  readonly groups: readonly TargetGroup[];
  /** Such as `__meta_filepath`; they win over those of the groups. */
  readonly meta: Readonly<Record<string, string>>;
}

export interface DiscovererOptions {
  /** What an earlier run had last. */
  readonly previous: readonly ListedGroups[];
  /** All lists, whenever one of them has changed; the last good ones where one can't be had. */
  readonly onLists: (lists: readonly ListedGroups[]) => void;
  /** A list was read, whether or not it has changed. */
  readonly onRead: (source: string) => void;
  /** A list could not be had. Called each time. */
  readonly onFailure: (source: string, message: string) => void;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Waits; returns early when the signal aborts. */
export async function pause({ sleep, signal }: DiscovererOptions, ms: number): Promise<void> {
  try {
    await sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
