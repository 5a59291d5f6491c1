import { setTimeout as sleep } from "node:timers/promises";
import { createCollector } from "@promferry/collector";
import type { Consent } from "@promferry/privacy";
import type { CommandLine } from "./command-line.ts";
import { createMetrics } from "./metrics.ts";
import { createWorkClock, record } from "./record.ts";
import { type Summary, summarize } from "./summary.ts";
import { workload } from "./workload.ts";

/** As the `version` label of everything that k1 sends. */
const VERSION = "v0.1.0";

export interface RunReport {
  readonly seed: number;
  readonly steps: number;
  readonly dir: string;
  readonly consent: Consent;
  /** Absent when nothing was recorded. */
  readonly session?: string;
  /** Frames on the disk, the first and the last included. */
  readonly frames: number;
  /** Frames that could not be written. */
  readonly failed: number;
  readonly counted: Summary;
}

/** One run of k1: what its user does, with a frame written after each part of it. */
export async function runK1(
  line: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
): Promise<RunReport> {
  const { seed, steps, dir, frames, pauseMs } = line;
  const clock = createWorkClock();
  const metrics = createMetrics({ monotonicMs: clock.nowMs });
  const collector = createCollector({
    catalogue: metrics,
    app: "k1",
    version: VERSION,
    dir,
    env,
    consent: { flag: line.enableMetricsCollection },
  });
  await collector.start();
  const { session } = collector.status();

  const actions = workload(seed, steps);
  for (const part of parts(actions, frames)) {
    for (const action of part) record(action, metrics, clock);
    if (frames > 0) await collector.flush();
    await sleep(pauseMs);
  }
  await collector.stop();

  const { written, failed } = collector.status();
  const consent = collector.consent();
  const recorded = session === undefined ? {} : { session };
  return { seed, steps, dir, consent, ...recorded, frames: written, failed, counted: summarize(actions) };
}

/** Cuts a list into so many parts of about the same length, at least one. */
function* parts<T>(list: readonly T[], count: number): Iterable<readonly T[]> {
  const length = Math.max(1, Math.ceil(list.length / Math.max(1, count)));
  for (let start = 0; start < list.length; start += length) yield list.slice(start, start + length);
}
