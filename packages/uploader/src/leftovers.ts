import { join } from "node:path";
import { dayOfFile, isClosed, type JournalFs } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { errorCode } from "./state-file.ts";

/** A file of `quarantine/` or `rejected/`: what is left of a day besides its day files. */
export interface Leftover {
  /** Inside the journal's directory. */
  readonly path: string;
  /** The day that its name begins with; undefined for an index over all days. */
  readonly day: string | undefined;
  readonly sizeBytes: number;
  /** Whether nothing more is expected in it; as for a day file. */
  readonly closed: boolean;
}

/** Finds them all. A folder or file that cannot be looked at counts for nothing, nor does a folder inside. */
export async function listLeftovers(dir: string, fs: JournalFs, now: EpochMs): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const folder of ["quarantine", "rejected"]) {
    for (const name of await readable(fs.readDirectory(join(dir, folder)), [])) {
      const path = join(folder, name);
      const stat = await readable(fs.stat(join(dir, path)), undefined);
      if (stat === undefined || stat.isDirectory) continue;
      const day = dayOfFile(`${name.slice(0, 10)}.prom`);
      const closed = day !== undefined && isClosed(day, now, stat.modifiedMs);
      found.push({ path, day, sizeBytes: stat.sizeBytes, closed });
    }
  }
  return found;
}

async function readable<T, U>(reading: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await reading;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return otherwise;
  }
}
