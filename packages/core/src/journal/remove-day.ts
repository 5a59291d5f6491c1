import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isPacked, PACKED_ENDING } from "./day-file.ts";
import type { Journal, JournalFile } from "./journal.ts";
import { errorNumber, systemFailure } from "./journal-error.ts";
import { segmentName, segmentPlace } from "./segment-name.ts";

/** `kept`: something was written since the index was made. */
export type RemovalResult = "removed" | "kept";

/**
 * Removes one day file, unless it has changed since the index that `file` is from. Whether its frames
 * may go is for the caller to know.
 *
 * The file is first renamed to `2025-10-06.removing-<8 digits>.prom`, a segment to
 * `2025-10-06.0001.removing-<8 digits>.prom`, which readers take like any
 * other, then looked at again, and only then unlinked. A writer that still has it open notices and
 * writes its frame again; a process that dies half-way, or a frame that came, leaves a file that the
 * next index shows.
 *
 * @throws {JournalError} The file can't be renamed or unlinked.
 */
export async function removeDay(
  journal: Pick<Journal, "dir" | "fs">,
  file: Pick<JournalFile, "name" | "day" | "identity" | "sizeBytes">,
): Promise<RemovalResult> {
  const { dir, fs } = journal;
  const path = join(dir, file.name);
  const ending = isPacked(file.name) ? PACKED_ENDING : "";
  // A segment stays one, at its place among the others.
  const place = segmentPlace(file.name);
  const stem = place === undefined ? file.day : segmentName(place).slice(0, -".prom".length);
  const aside = join(dir, `${stem}.removing-${randomBytes(4).toString("hex")}.prom${ending}`);
  const isUnchanged = async (at: string) => {
    const found = await fs.stat(at);
    return found.identity === file.identity && found.sizeBytes === file.sizeBytes;
  };
  try {
    if (!(await isUnchanged(path))) return "kept";
    await fs.rename(path, aside);
    if (!(await isUnchanged(aside))) return "kept";
    await fs.unlink(aside);
    await fs.syncDirectory(dir);
    return "removed";
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return "removed";
    throw systemFailure("remove", path, error);
  }
}
