import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliIo } from "../io.ts";

/** The bytes of a file, or of standard input where it is called `-`. */
export async function readInput(io: CliIo, file: string): Promise<Buffer> {
  if (file !== "-") return readFile(resolve(io.cwd, file));
  const chunks: Uint8Array[] = [];
  for await (const chunk of io.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}
