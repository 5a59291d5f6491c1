import { join } from "node:path";
import { dayOfFile, type JournalFs } from "@promferry/core/journal";
import type { TotalSample } from "@promferry/core/merge";
import { type EpochMs, formatNativeHistogram, isHistogram, type SampleValue } from "@promferry/core/series";
import { appendToStateFile } from "./state-file.ts";

/** Characters of the receiver's words that are kept. */
const MAX_REASON = 500;

/** Samples that will not be sent again, and why. */
export interface Rejection {
  readonly destination: string;
  /** The day file that they came from. */
  readonly file: string;
  /** `unknown`: an earlier request with them went unanswered, so the receiver may have them. */
  readonly outcome: "refused" | "unknown";
  /** The receiver's words, or our own rule. */
  readonly reason: string;
  /** Absent where the receiver only said how many. */
  readonly samples?: readonly TotalSample[];
  readonly count: number;
}

/**
 * Adds them to `<dir>/rejected/<date>-<destination>.jsonl`, one JSON object a line.
 *
 * @throws {LedgerError} The file cannot be written.
 */
export async function recordRejection(
  dir: string,
  fs: JournalFs,
  rejection: Rejection,
  nowMs: EpochMs,
): Promise<void> {
  const { destination, file, outcome, samples, count } = rejection;
  const day = dayOfFile(file) ?? new Date(nowMs).toISOString().slice(0, 10);
  const name = encodeURIComponent(destination).replaceAll("*", "%2A").slice(0, 100);
  const common = {
    at: new Date(nowMs).toISOString(),
    outcome,
    reason: rejection.reason.slice(0, MAX_REASON),
  };
  const lines = samples
    ? samples.map(({ series, timestampMs, value }) => ({
        ...common,
        metric: series.name,
        labels: Object.fromEntries(series.labels.map((label) => [label.name, label.value])),
        value: jsonValue(value),
        ts: timestampMs,
      }))
    : [{ ...common, count }];
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await appendToStateFile(fs, join(dir, "rejected", `${day}-${name}.jsonl`), text);
}

function jsonValue(value: SampleValue): unknown {
  if (value === null) return "stale";
  if (isHistogram(value)) return JSON.parse(formatNativeHistogram(value));
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
