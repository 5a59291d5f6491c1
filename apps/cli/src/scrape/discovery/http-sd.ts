import { createHash } from "node:crypto";
import type { HttpSdConfig } from "../../config/scrape-schema.ts";
import { fetchBounded } from "../fetch-page.ts";
import type { ScrapeClient } from "../scrape-job.ts";
import { type DiscovererOptions, pause } from "./discoverer.ts";
import { parseTargetGroups, type TargetGroup } from "./target-group.ts";

const MAX_LIST_BYTES = 32 * 1024 * 1024;
/** A list that takes longer is a failure; `refresh_interval` may be shorter. */
const MAX_WAIT_MS = 30_000;
const JSON_TYPE = /^application\/json(?:;\s*charset="?utf-8"?)?\s*$/i;

/**
 * Keeps the list of a URL up to date, until `signal` aborts: asks every `refresh_interval`, with
 * `If-None-Match` where the server gave an ETag. Only a 200 with a JSON list changes the targets; after
 * anything else the last list stays. Up to 32 MiB a list.
 *
 * @see https://prometheus.io/docs/prometheus/latest/http_sd/
 */
export async function runHttpSd(
  config: HttpSdConfig,
  client: ScrapeClient,
  options: DiscovererOptions,
): Promise<void> {
  const { url, refresh_interval: refreshMs } = config;
  const { onLists, onRead, onFailure, signal } = options;
  let etag: string | undefined;
  let lastDigest = "";
  const ask = (): Promise<readonly TargetGroup[] | undefined> => {
    const headers = {
      accept: "application/json",
      "x-prometheus-refresh-interval-seconds": String(refreshMs / 1000),
      ...(etag === undefined ? {} : { "if-none-match": etag }),
    };
    const timeoutMs = Math.min(refreshMs, MAX_WAIT_MS);
    const fetching = { timeoutMs, signal, maxBytes: MAX_LIST_BYTES, client, headers, what: "list" } as const;
    return fetchBounded(url, fetching, async (response, read) => {
      if (response.status === 304 && etag !== undefined) return undefined;
      if (response.status !== 200) throw new Error(`the server answered with ${response.status}`);
      const type = response.headers.get("content-type") ?? "";
      if (!JSON_TYPE.test(type))
        throw new Error(`expected application/json, got ${type.slice(0, 60) || "no type"}`);
      const bytes = await read();
      const digest = createHash("sha256").update(bytes).digest("base64");
      const groups =
        digest === lastDigest ? undefined : parseTargetGroups(Buffer.from(bytes).toString("utf8"), "json");
      lastDigest = digest;
      etag = response.headers.get("etag") ?? undefined;
      return groups;
    });
  };
  while (!signal.aborted) {
    try {
      const groups = await ask();
      if (signal.aborted) return;
      onRead(url);
      if (groups) onLists([{ source: url, groups, meta: { __meta_url: url } }]);
    } catch (error) {
      if (signal.aborted) return;
      onFailure(url, (error as Error).message);
    }
    await pause(options, refreshMs);
  }
}
