/**
 * Keeps the files that file_sd watches equal to the service's lists (the sidecar of a Prometheus).
 *
 * On any doubt, a service that does not answer, is not sure, or answers with something else than a list, no file is
 * touched: Prometheus goes on with what it has, and has it after a restart, too.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Shard, targetFileName, writeTargetFile } from "@promferry/target-registry/render";
import { EXIT } from "../exit-codes.ts";
import { jsonOf, type ServiceClient, ServiceError } from "./service-client.ts";

export interface SyncOptions {
  readonly client: ServiceClient;
  /** Watched by Prometheus; made where it is not there. */
  readonly dir: string;
  readonly endpoints: readonly string[];
  readonly project?: string;
  readonly scope?: string;
  readonly shard?: Shard;
  /** Ends after the first time that all lists could be read. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Told of each file that changed. */
  readonly onWritten: (file: string, targets: number) => void;
  /** Told when the service fails, and when it is well again (`undefined`). */
  readonly onTrouble: (error: unknown) => void;
  /** Shortest time between two looks at the lists, in milliseconds. Default 2,000. */
  readonly paceMs?: number;
  /** Longest pause after failures, in milliseconds, also where the service asks for more. Default 10,000. */
  readonly maxPauseMs?: number;
  /** Seconds that the service may take to say that nothing changed. Default 50. */
  readonly waitSeconds?: number;
  /** Jitter in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** Runs until the signal, or until it is done with `once`; rejects with the first failure then. */
export async function syncFiles(options: SyncOptions): Promise<void> {
  const { client, dir, endpoints, once, signal, onTrouble } = options;
  const { paceMs = 2_000, maxPauseMs = 10_000, waitSeconds = 50, random = Math.random } = options;
  await mkdir(dir, { recursive: true });
  const known: KnownLists = new Map();
  /** Revision that the files show; undefined: they have to be read again. */
  let shown: number | undefined;
  let followed = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (shown === undefined) {
        const revisions: (number | undefined)[] = [];
        for (const endpoint of endpoints) revisions.push(await refresh(options, endpoint, known));
        const found = revisions.filter((revision) => revision !== undefined);
        // A service that does not say which revision its list has: what was followed last.
        shown = found.length > 0 ? Math.min(...found) : followed;
        if (once) return;
      }
      const askedAt = performance.now();
      const answer = await client.request("GET", `/v1/sd/changes?since=${shown}&wait=${waitSeconds}`, {
        signal,
        timeoutMs: (waitSeconds + 10) * 1_000,
      });
      if (failures > 0) onTrouble(undefined);
      failures = 0;
      if (answer.status === 204) {
        if (!(await areIntact(known))) shown = undefined;
        // A service that is about to end answers at once.
        await pause(Math.max(0, paceMs - (performance.now() - askedAt)), signal);
        continue;
      }
      followed = jsonOf<{ rev: number }>(answer).rev;
      shown = undefined;
      await pause(paceMs, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (once) throw error;
      // The lists are there, only what led to them is forgotten: an import, or another store.
      const isReset = error instanceof ServiceError && error.code === "changes_reset";
      shown = undefined;
      if (!isReset) onTrouble(error);
      if (isReset) followed = 0;
      failures = isReset ? 0 : failures + 1;
      const backoffMs = Math.min(maxPauseMs, paceMs * 2 ** Math.min(failures, 10)) * random();
      const askedMs = error instanceof ServiceError ? (error.retryAfterMs ?? 0) : 0;
      await pause(Math.max(isReset ? paceMs : 0, backoffMs, Math.min(askedMs, maxPauseMs)), signal);
    }
  }
}

/** What a file holds, by its path. */
type KnownLists = Map<string, { readonly etag: string | null; readonly stamp: string | undefined }>;

async function areIntact(known: KnownLists): Promise<boolean> {
  for (const [file, { stamp }] of known) if ((await stampOf(file)) !== stamp) return false;
  return true;
}

/** Changes when somebody else writes or takes away the file. */
async function stampOf(file: string): Promise<string | undefined> {
  const stats = await stat(file).catch(() => undefined);
  return stats && `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

/** @returns The revision that the list shows, where the service says so. */
async function refresh(
  options: SyncOptions,
  endpoint: string,
  known: KnownLists,
): Promise<number | undefined> {
  const { client, dir, project, scope, shard, signal, onWritten } = options;
  const query = new URLSearchParams({
    endpoint,
    ...(project === undefined ? {} : { project }),
    ...(scope === undefined ? {} : { scope }),
    ...(shard === undefined ? {} : { shard: `${shard.index}/${shard.count}` }),
  });
  const file = join(dir, targetFileName(endpoint, shard));
  const held = known.get(file);
  const etag = held?.stamp === (await stampOf(file)) ? held?.etag : undefined;
  const answer = await client.request("GET", `/v1/sd/prometheus?${query}`, {
    signal,
    ...(etag ? { headers: { "if-none-match": etag } } : {}),
  });
  const revision = Number(answer.headers.get("ferry-revision") ?? Number.NaN);
  if (answer.status !== 304) {
    const targets = countTargets(answer.body);
    if (targets === 0 && Number.isNaN(revision)) {
      throw new ServiceError(
        EXIT.unavailable,
        "an empty list without a revision is not the service's; the file stays as it is",
        { status: 200, hint: "see what answers at --url" },
      );
    }
    if (await writeTargetFile(file, Buffer.from(answer.body))) onWritten(file, targets);
    known.set(file, { etag: answer.headers.get("etag"), stamp: await stampOf(file) });
  }
  return Number.isSafeInteger(revision) ? revision : undefined;
}

/** @throws {ServiceError} When it is not a list of target groups: Prometheus takes `null` for an empty one. */
function countTargets(body: string): number {
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    // Told below.
  }
  const isGroup = (group: unknown): group is { targets: string[] } =>
    typeof group === "object" && group !== null && Array.isArray((group as { targets?: unknown }).targets);
  if (!Array.isArray(list) || !list.every(isGroup)) {
    throw new ServiceError(EXIT.unavailable, "the service's list is none; the file stays as it is", {
      status: 200,
      hint: `it began with ${JSON.stringify(body.slice(0, 80))}`,
    });
  }
  return list.reduce((sum, { targets }) => sum + targets.length, 0);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
