import { chmod, open } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliIo } from "../io.ts";

/** Writes what holds a secret: into a file that only its owner reads, also where there was another one before. */
export async function writeSecretFile(io: CliIo, file: string, content: Uint8Array | string): Promise<void> {
  const path = resolve(io.cwd, file);
  const handle = await open(path, "w", 0o600);
  try {
    // The mode above is only for a new file.
    await chmod(path, 0o600);
    await handle.writeFile(content);
  } finally {
    await handle.close();
  }
}
