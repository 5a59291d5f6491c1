import type { EpochMs } from "@promferry/core/series";
import { resolveSampling, type Sampling } from "@promferry/privacy";
import type { Settings } from "../config/load-config.ts";

/**
 * Which weeks of programs' telemetry are sent.
 *
 * @param create Whether a missing key is made.
 * @throws {IdentityError}
 */
export function samplingOf(
  { dir, metrics }: Pick<Settings, "dir" | "metrics">,
  create: boolean,
): Promise<Sampling> {
  return resolveSampling({ dir, rate: metrics.sample_rate, create });
}

/** The UTC day of an instant, as `2025-10-06`. */
export function dateOf(atMs: EpochMs): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/** Where a dry run has no key to draw with. */
export function undrawnInWords(rate: number): string {
  return `the first upload draws the weeks that are sent (metrics.sample_rate: ${rate}); until then all are shown`;
}
