import { appendFile } from "node:fs/promises";
import type { AuditEntry } from "../http/build-app.ts";

export interface AuditFile {
  /** Never throws. Entries stand in the file in the order of their calls. */
  readonly write: (entry: AuditEntry) => void;
  /** Resolves once all is written, or told as lost. */
  readonly close: () => Promise<void>;
}

/**
 * Appends entries to a file as JSON lines, which only its owner may read. It is opened for each batch: after a rotation,
 * or once there is room again, it goes on by itself.
 *
 * @param onLost Told of what could not be written, and why.
 * @throws {Error} When the file can't be written to now.
 */
export async function openAuditFile(
  file: string,
  onLost: (entries: readonly AuditEntry[], error: unknown) => void,
): Promise<AuditFile> {
  const append = (text: string): Promise<void> => appendFile(file, text, { mode: 0o600 });
  await append("");
  let waiting: { readonly entry: AuditEntry; readonly line: string }[] = [];
  let writing: Promise<void> | undefined;
  // A batch that failed may have left half a line.
  let start = "";

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await append(start + batch.map(({ line }) => line).join(""));
        start = "";
      } catch (error) {
        start = "\n";
        onLost(
          batch.map(({ entry }) => entry),
          error,
        );
      }
    }
    writing = undefined;
  }

  return {
    write(entry) {
      waiting.push({ entry, line: `${JSON.stringify({ at: new Date().toISOString(), ...entry })}\n` });
      writing ??= writeAll();
    },
    close: async () => writing,
  };
}
