import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ScrapeConfig } from "../../config/scrape-schema.ts";
import { type DiscovererOptions, type ListedGroups, pause } from "./discoverer.ts";
import { parseTargetGroups, type TargetGroup } from "./target-group.ts";

type FileSdConfig = ScrapeConfig["file_sd_configs"][number];

/** How often files are looked at, in milliseconds; read only if they look changed. */
const LOOK_MS = 5000;
const MAX_FILE_BYTES = 32 * 1024 * 1024;

interface KnownFile {
  /** How it looked when it was read; `undefined` where it could not be read and is to be tried again. */
  look: string | undefined;
  groups: readonly TargetGroup[] | undefined;
}

/**
 * Keeps the lists of files up to date, until `signal` aborts: a file that has changed is read within 5 s,
 * all of them every `refresh_interval`. A file that can't be read or is no list keeps its last good targets;
 * one that is gone loses them. Up to 32 MiB a file.
 *
 * @param config Its paths absolute.
 */
export async function runFileSd(config: FileSdConfig, options: DiscovererOptions): Promise<void> {
  const { onLists, onRead, onFailure, previous, signal } = options;
  const known = new Map<string, KnownFile>(
    previous.map(({ source, groups }) => [source, { look: undefined, groups }]),
  );
  const lookMs = Math.min(LOOK_MS, config.refresh_interval);
  let sinceReadMs = Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    const readsAll = sinceReadMs >= config.refresh_interval;
    if (readsAll) sinceReadMs = 0;
    let changed = false;
    const paths = new Set<string>();
    for (const pattern of config.files) {
      const found = await expandPattern(pattern).catch((error: Error) => {
        onFailure(pattern, error.message);
        // What can't be looked at is taken to be there still.
        return [...known.keys()].filter((path) => matches(pattern, path));
      });
      for (const path of found) paths.add(path);
    }
    for (const path of known.keys()) if (!paths.has(path)) changed = known.delete(path) || changed;
    for (const path of [...paths].sort()) {
      const file = known.get(path) ?? { look: undefined, groups: undefined };
      known.set(path, file);
      try {
        const look = await lookAt(path);
        if (look === file.look && !readsAll) continue;
        const groups = await readGroups(path);
        changed ||= JSON.stringify(groups) !== JSON.stringify(file.groups);
        file.groups = groups;
        file.look = look;
        onRead(path);
      } catch (error) {
        file.look = undefined;
        onFailure(path, (error as Error).message);
      }
    }
    if (signal.aborted) return;
    if (changed) onLists(listsOf(known));
    await pause(options, lookMs);
    sinceReadMs += lookMs;
  }
}

function listsOf(known: ReadonlyMap<string, KnownFile>): ListedGroups[] {
  const lists: ListedGroups[] = [];
  for (const [source, { groups }] of known) {
    if (groups) lists.push({ source, groups, meta: { __meta_filepath: source } });
  }
  return lists;
}

/** The files that a pattern names now; its wildcards stand behind the last slash. */
async function expandPattern(pattern: string): Promise<string[]> {
  const folder = dirname(pattern);
  try {
    if (!/[*?]/.test(basename(pattern))) {
      await stat(pattern);
      return [pattern];
    }
    const names = await readdir(folder);
    return names.map((name) => join(folder, name)).filter((path) => matches(pattern, path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function matches(pattern: string, path: string): boolean {
  if (dirname(pattern) !== dirname(path)) return false;
  const parts = basename(pattern).replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${parts.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s").test(basename(path));
}

async function lookAt(path: string): Promise<string> {
  const { ino, size, mtimeMs, ctimeMs } = await stat(path);
  return [ino, size, mtimeMs, ctimeMs].join(" ");
}

async function readGroups(path: string): Promise<readonly TargetGroup[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new Error(`the file is longer than ${MAX_FILE_BYTES} bytes`);
    const text = await file.readFile("utf8");
    return parseTargetGroups(text, /\.json$/i.test(path) ? "json" : "yaml");
  } finally {
    await file.close();
  }
}
