import { setTimeout as sleep } from "node:timers/promises";
import { gatherRegistry } from "@promferry/core";
import { DeliveryError, withRetry } from "@promferry/core/delivery";
import type { Pushgateway } from "@promferry/pushgateway";
import type { DemoMetrics } from "./metrics.ts";
import type { Workload } from "./workload.ts";

export interface PushLoopOptions {
  readonly gateway: Pushgateway;
  readonly metrics: DemoMetrics;
  readonly workload: Workload;
  /** Time between two pushes, and what the workload lives through before each, in milliseconds. */
  readonly intervalMs: number;
  readonly once: boolean;
  readonly deleteOnExit: boolean;
  /** Ends the loop; the newest values are still pushed. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** How long the last push and the deletion may take when the loop ends, in milliseconds. */
const FAREWELL_MS = 5000;

/**
 * Pushes until the signal says stop, or once.
 *
 * A gateway that is away or overloaded is tried again, at the latest with the next interval.
 *
 * @throws {DeliveryError} The gateway refuses for good, or, when pushing once, it can't be reached.
 */
export async function runPushLoop(options: PushLoopOptions): Promise<void> {
  const { gateway, metrics, workload, intervalMs, once, deleteOnExit, signal, log } = options;
  let round = 0;
  const push = (end: { deadline: number; signal?: AbortSignal }) =>
    withRetry((attempt) => gateway.push(gatherRegistry(metrics.registry), { ...end, attempt }), end);

  while (!signal.aborted) {
    workload.advance(intervalMs);
    round++;
    try {
      await push({ deadline: Date.now() + intervalMs / 2, signal });
      log(`round ${round}: pushed`);
    } catch (error) {
      if (signal.aborted) break;
      if (once || !(error instanceof DeliveryError) || !error.retryable) throw error;
      log(`round ${round}: ${error.message}`);
    }
    if (once) break;
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
  }
  const farewell = { deadline: Date.now() + FAREWELL_MS, signal: AbortSignal.timeout(FAREWELL_MS) };
  if (deleteOnExit) {
    await withRetry((attempt) => gateway.delete({}, { ...farewell, attempt }), farewell);
    log(`round ${round}: group deleted`);
  } else if (!once) {
    await push(farewell);
    log(`round ${round}: last push done`);
  }
}
