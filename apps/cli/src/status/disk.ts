import { dirname } from "node:path";
import { type JournalFs, LOW_DISK_BYTES } from "@promferry/core/journal";

export interface DiskFacts {
  /** What this user may still write where the journal is; undefined where nobody knows. */
  readonly freeBytes: number | undefined;
  readonly lowBelowBytes: number;
  readonly low: boolean;
}

export async function describeDisk(dir: string, fs: Pick<JournalFs, "freeBytes">): Promise<DiskFacts> {
  const freeBytes = await freeAt(dir, fs);
  return {
    freeBytes,
    lowBelowBytes: LOW_DISK_BYTES,
    low: freeBytes !== undefined && freeBytes < LOW_DISK_BYTES,
  };
}

/** A folder that is not there yet will be made where its nearest parent is. */
async function freeAt(dir: string, fs: Pick<JournalFs, "freeBytes">): Promise<number | undefined> {
  for (let at = dir; ; at = dirname(at)) {
    const freeBytes = await fs.freeBytes?.(at).catch(() => undefined);
    if (freeBytes !== undefined || dirname(at) === at) return freeBytes;
  }
}
