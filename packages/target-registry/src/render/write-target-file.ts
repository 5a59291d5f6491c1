import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Shard } from "./shard.ts";

/** `node.json`, or `node-1-of-4.json` for the first of four shards. */
export function targetFileName(endpoint: string, shard?: Shard): string {
  return shard === undefined ? `${endpoint}.json` : `${endpoint}-${shard.index + 1}-of-${shard.count}.json`;
}

/**
 * Patterns for file_sd: the files that `targetFileName` gives an endpoint; default: of all its shards, or of none.
 *
 * No list of another endpoint matches, whose name may begin with this one's, but for shards of that one by default.
 */
export function targetFilePatterns(endpoint: string, shard?: Shard): readonly string[] {
  return shard === undefined
    ? [targetFileName(endpoint), `${endpoint}-*-of-*.json`]
    : [targetFileName(endpoint, shard)];
}

/**
 * Puts a list where file_sd reads it, so that a reader sees the old list or the new one and nothing else.
 *
 * Written in a folder `.drafts` of the watched one, under a name that does not end in `.json`: file_sd's globs also match
 * hidden files, and a left-over would become live targets. Not beside the watched folder, which may be a mount of its own.
 * Then file flushed, renamed, folder flushed. An equal file is left alone.
 *
 * @param file Path whose folder exists. One writer for each file.
 * @returns Whether the file changed.
 * @throws The error of the file system; the old list is still there then.
 */
export async function writeTargetFile(file: string, body: Uint8Array): Promise<boolean> {
  const present = await readFile(file).catch(() => undefined);
  if (present?.equals(body)) return false;
  const folder = dirname(file);
  const aside = join(folder, ".drafts");
  await mkdir(aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const draft = join(aside, `${basename(file)}.new`);
  try {
    const handle = await open(draft, "w", 0o644);
    try {
      await handle.writeFile(body);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  const directory = await open(folder, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
  return true;
}
