import type { FrameRef } from "@promferry/core/journal";
import { resolveConsent } from "@promferry/privacy";
import type { Settings } from "../config/load-config.ts";

/**
 * Whether a frame may leave with an upload that the user typed. Scraped pages always may. A program's
 * own telemetry may unless somebody says no: the environment, or the configuration's `enabled: false`.
 * What a flag collected needs no standing yes, so `enabled: false` doesn't keep it here. A session whose
 * info is lost stays: neither its program nor its catalogue is known.
 *
 * @returns The rule: true, or the reason why not.
 */
export function createMayLeave(
  settings: Pick<Settings, "app" | "metrics">,
  env: Readonly<Record<string, string | undefined>>,
): (frame: FrameRef) => true | string {
  const known = new Map<string, true | string>();
  return ({ header, info }) => {
    if (header.origin === "scrape") return true;
    if (info.lost) return "the session's info is damaged: nothing says what may leave";
    const app = info.app ?? settings.app;
    const enabled = header.consent === "flag" ? true : (settings.metrics.enabled ?? true);
    const key = `${enabled} ${app}`;
    let verdict = known.get(key);
    if (verdict === undefined) {
      const { state, reasons } = resolveConsent({ app, env, config: { enabled } });
      verdict = state === "off" ? reasons.join(", ") : true;
      known.set(key, verdict);
    }
    return verdict;
  };
}
