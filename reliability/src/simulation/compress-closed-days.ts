import { compressDay, type Journal } from "@promferry/core/journal";

/** Compresses what may be compressed; how many files were. */
export async function compressClosedDays(journal: Journal): Promise<number> {
  let compressed = 0;
  for (const file of (await journal.index()).files) {
    if ((await compressDay(journal, file)) === "compressed") compressed++;
  }
  return compressed;
}
