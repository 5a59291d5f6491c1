import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { CliIo } from "./io.ts";

type InputIo = Pick<CliIo, "stdin" | "signal" | "cwd">;

/**
 * The bytes of a file, or of standard input where it is called `-`.
 *
 * @throws As {@link readNamedFile}.
 * @throws The reason of the run's signal, where Ctrl-C comes before the end of standard input.
 */
export async function readInput(io: InputIo, file: string): Promise<Buffer> {
  return file === "-" ? readStdin(io) : readNamedFile(io, file);
}

/** @throws The system's error, with the `path`: Node leaves it out where the file was opened, as a folder can be. */
export async function readNamedFile(io: InputIo, file: string): Promise<Buffer> {
  const path = resolve(io.cwd, file);
  try {
    return await readFile(path);
  } catch (error) {
    throw Object.assign(error as Error, { path });
  }
}

async function readStdin({ stdin, signal }: InputIo): Promise<Buffer> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([readAll(stdin), stopped]);
  } finally {
    signal.removeEventListener("abort", stop!);
  }
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}
