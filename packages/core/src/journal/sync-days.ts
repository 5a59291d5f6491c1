import { join } from "node:path";
import { isPacked } from "./day-file.ts";
import type { Journal, JournalFile } from "./journal.ts";
import { errorNumber, isForbidden, systemFailure } from "./journal-error.ts";

/**
 * Waits until everything that these day files held when the index was made is on the disk. A frame
 * that a process wrote as it ended was not waited for by anyone: what is told of it to others would
 * outlive it if the power went.
 *
 * Files that are gone or not ours to write are left out; compressed ones were synced when they were made.
 *
 * @throws {JournalError} The system could not write.
 */
export async function syncDays(
  { dir, fs }: Pick<Journal, "dir" | "fs">,
  files: readonly Pick<JournalFile, "name">[],
): Promise<void> {
  const plain = files.filter(({ name }) => !isPacked(name));
  if (plain.length === 0) return;
  for (const { name } of plain) {
    const path = join(dir, name);
    try {
      // Opening for append would make it anew.
      await fs.stat(path);
      const file = await fs.openAppend(path);
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errorNumber(error) !== "ENOENT" && !isForbidden(error)) throw systemFailure("sync", path, error);
    }
  }
  try {
    await fs.syncDirectory(dir);
  } catch (error) {
    throw systemFailure("sync", dir, error);
  }
}
