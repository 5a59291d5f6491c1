import type { UploadProgress } from "@promferry/uploader";
import { formatDuration } from "../config/duration.ts";

/** Estimates are worth nothing before. */
const FIRST_ESTIMATE_MS = 2_000;

/**
 * The line that stands while an upload runs: samples, share of the frames, rate, and time left, each destination's own.
 *
 * @param now Milliseconds from any origin.
 */
export function createProgressLine(now: () => number): (progress: UploadProgress) => string {
  const starts = new Map<string, number>();
  return ({ destination, accepted, frames }) => {
    const start = starts.get(destination) ?? now();
    starts.set(destination, start);
    const tookMs = now() - start;
    const parts = [`${accepted} samples accepted`];
    const share = frames && frames.total > 0 ? frames.done / frames.total : undefined;
    if (share !== undefined) parts.push(`${Math.floor(share * 100)} %`);
    if (tookMs >= FIRST_ESTIMATE_MS) {
      parts.push(`${Math.round(accepted / (tookMs / 1000))}/s`);
      if (share !== undefined && share > 0) {
        const leftMs = (tookMs / share) * (1 - share);
        parts.push(`${formatDuration(Math.ceil(leftMs / 1000) * 1000)} left`);
      }
    }
    return `${destination}: ${parts.join(", ")}`;
  };
}
