import type { FrameHeader, FrameRef } from "@promferry/core/journal";
import type { EpochMs } from "@promferry/core/series";
import {
  type ConsentSources,
  readConsent,
  resolveConsent,
  type Sampling,
  type StoredConsent,
  weekOf,
} from "@promferry/privacy";
import type { Settings } from "../config/load-config.ts";
import { dateOf } from "./sampling.ts";

export interface LeavePlace {
  readonly settings: Pick<Settings, "app" | "dir" | "metrics">;
  readonly env: ConsentSources["env"];
  /** Whether `--enable-metrics-collection` stands on this very command line. Default false. */
  readonly flag?: boolean | undefined;
  /** Which weeks are sent; see `samplingOf`. */
  readonly sampling: Sampling;
  readonly now: () => EpochMs;
}

/**
 * Whether a frame may leave with an upload that the user typed. Scraped pages always may. A program's
 * own telemetry may unless somebody says no: the environment, the configuration's `enabled: false`, the consent
 * file. What was recorded before `enable` stays, and so does what `enable` allowed once nothing says yes any more.
 * What a flag collected needs no standing yes, so `enabled: false` doesn't keep it here. A session whose
 * info is lost stays: neither its program nor its catalogue is known. So does what was recorded in a week that was not
 * drawn.
 *
 * @returns The rule: true, or the reason why not. It knows the consent file as it is now.
 */
export function createMayLeave({
  settings,
  env,
  flag = false,
  sampling,
  now,
}: LeavePlace): (frame: FrameRef) => true | string {
  const stored = readConsent(settings.dir);
  const known = new Map<string, true | string>();
  return ({ header, info }) => {
    if (header.origin === "scrape") return true;
    if (info.lost) return "the session's info is damaged: nothing says what may leave";
    const app = info.app ?? settings.app;
    const enabled = header.consent === "flag" ? true : (settings.metrics.enabled ?? true);
    const key = `${enabled} ${app}`;
    let verdict = known.get(key);
    if (verdict === undefined) {
      const { state, reasons } = resolveConsent({ app, env, config: { enabled }, flag, stored });
      verdict = state === "off" ? reasons.join(", ") : true;
      known.set(key, verdict);
    }
    if (verdict === true) verdict = sinceVerdict(header, stored, settings.metrics.enabled);
    return verdict === true ? drawVerdict(header, sampling, now()) : verdict;
  };
}

function drawVerdict({ writtenMs }: FrameHeader, { isDrawn, rate }: Sampling, nowMs: EpochMs): true | string {
  if (isDrawn(writtenMs)) return true;
  const week = weekOf(writtenMs);
  const when = week === weekOf(nowMs) ? "this week, from" : "in the week from";
  return `this installation was not drawn ${when} ${dateOf(week)} (metrics.sample_rate: ${rate})`;
}

function sinceVerdict(
  { consent, writtenMs }: FrameHeader,
  stored: StoredConsent,
  configured: boolean | undefined,
): true | string {
  const record = stored.kind === "decided" ? stored.record : undefined;
  if (record?.choice === "local") return "it was agreed to with enable --local, to be kept here";
  if (consent === "enabled" && record === undefined && configured !== true) {
    return "nothing says any more that it was agreed to: consent.json is gone";
  }
  const { sinceMs } = record ?? {};
  if (sinceMs === undefined || writtenMs >= sinceMs) return true;
  return `it was recorded before sending was agreed to, on ${new Date(sinceMs).toISOString()}`;
}
