import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Damage, JournalFs } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import { appendToStateFile, readBytes, readStateFile, replaceStateFile } from "./state-file.ts";

const FOLDER = "quarantine";
const INDEX = "index.jsonl";

/**
 * Copies stretches of day files that hold no valid frame to `<dir>/quarantine/`, each to a file of its
 * own, with a line in `quarantine/index.jsonl` that says what it is. Doing it again changes no copy.
 *
 * @throws {LedgerError} A stretch cannot be read, or its copy not be written.
 */
export async function quarantineDamage(
  dir: string,
  fs: JournalFs,
  damage: readonly Damage[],
  nowMs: EpochMs,
): Promise<void> {
  for (const { file, offsetBytes, lengthBytes, reason, session, seq } of damage) {
    const bytes = await readBytes(fs, join(dir, file), { offsetBytes, lengthBytes });
    const sum = crc32(bytes).toString(16).padStart(8, "0");
    // A file that was repaired has other bytes at the same place.
    const copy = `${file}.${offsetBytes}.${sum}.damaged`;
    await fs.makeDirectory(join(dir, FOLDER));
    await replaceStateFile(fs, join(dir, FOLDER, copy), bytes);
    const line = {
      at: new Date(nowMs).toISOString(),
      reason,
      file,
      offset: offsetBytes,
      length: bytes.length,
      ...(session !== undefined && { session }),
      ...(seq !== undefined && { seq }),
      crc32: sum,
      copy,
    };
    await appendToStateFile(fs, join(dir, FOLDER, INDEX), `${JSON.stringify(line)}\n`);
  }
}

/** The sessions of which a frame lies in quarantine, as far as damaged headers can be believed. */
export async function quarantinedSessions(dir: string, fs: JournalFs): Promise<ReadonlySet<string>> {
  const text = (await readStateFile(fs, join(dir, FOLDER, INDEX)).catch(() => undefined)) ?? "";
  return new Set([...text.matchAll(/"session":"([0-9a-f]{8})"/g)].map(([, session]) => session!));
}
