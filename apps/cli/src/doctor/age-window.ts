import type { HttpOptions } from "@promferry/core/delivery";
import type { EpochMs } from "@promferry/core/series";
import { parse } from "yaml";
import { formatDuration } from "../config/duration.ts";
import type { Check, Checker } from "./check.ts";

const MAX_BYTES = 1024 ** 2;
const HOUR_MS = 3_600_000;

/**
 * How old samples may be for this remote-write receiver. Prometheus says so in its own configuration; VictoriaMetrics takes what its retention
 * holds; of the others only their operator knows.
 *
 * @param oldestMs Time of the oldest frame that waits for this destination; `undefined`: none does.
 */
export async function ageWindowCheck(
  { ok, warning, unknown }: Checker,
  writeUrl: string,
  http: HttpOptions,
  state: { readonly oldestMs: EpochMs | undefined; readonly nowMs: EpochMs },
): Promise<Check> {
  const ageMs = state.oldestMs === undefined ? 0 : state.nowMs - state.oldestMs;
  const yaml = await serverConfig(writeUrl, http);
  if (yaml === "") return ok("age of samples", "whatever the server's retention holds");
  const windowMs = yaml === undefined ? undefined : outOfOrderWindowMs(yaml);
  if (windowMs === undefined) {
    const advice = `ask its operator for out_of_order_time_window (Mimir, Cortex), or upload at least every hour`;
    return unknown(
      "age of samples",
      "the server does not say how old samples may be",
      ageMs > HOUR_MS ? advice : undefined,
    );
  }
  const setting = `out_of_order_time_window is ${windowMs === 0 ? "not set" : formatDuration(windowMs)}`;
  if (ageMs <= Math.max(windowMs, HOUR_MS))
    return ok("age of samples", `${setting}; what waits here is young enough`);
  const waits = `the oldest that waits here is ${formatDuration(Math.floor(ageMs / 60_000) * 60_000)} old`;
  return warning(
    "age of samples",
    `${setting}, and ${waits}: it will be refused where the server has newer samples`,
    "on the server: raise storage.tsdb.out_of_order_time_window; here: upload more often, or on_too_old: collapse with max_age",
  );
}

/** Prometheus prints its settings with Go's names, in milliseconds; `undefined` where it is no YAML. */
function outOfOrderWindowMs(yaml: string): number | undefined {
  let config: { storage?: { tsdb?: { outofordertimewindow?: unknown } } } | null;
  try {
    config = parse(yaml);
  } catch {
    return undefined;
  }
  const tsdb = config?.storage?.tsdb;
  return typeof tsdb?.outofordertimewindow === "number" ? tsdb.outofordertimewindow : 0;
}

/** What `/api/v1/status/config` says beside the write path; `undefined` where nothing is said. */
async function serverConfig(
  writeUrl: string,
  { fetch: send = fetch, authorization, headers }: HttpOptions,
): Promise<string | undefined> {
  const url = new URL(writeUrl);
  if (!url.pathname.endsWith("/api/v1/write")) return undefined;
  url.pathname = url.pathname.replace(/write$/, "status/config");
  url.search = "";
  try {
    const credential = await authorization?.();
    const answer = await send(url.href, {
      redirect: "manual",
      headers: { ...headers, ...(credential ? { authorization: credential } : {}) },
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    if (!answer.ok || text.length > MAX_BYTES) return undefined;
    const { data } = JSON.parse(text) as { data?: { yaml?: unknown } };
    return typeof data?.yaml === "string" ? data.yaml : undefined;
  } catch {
    return undefined;
  }
}
