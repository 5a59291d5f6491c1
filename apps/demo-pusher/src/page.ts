import { gatherRegistry } from "@promferry/core";
import { writePrometheusText } from "@promferry/core/text-format";
import { createMetrics } from "./metrics.ts";
import { createWorkload } from "./workload.ts";

/** What is pushed after one minute of work, as text. `example-metrics.txt` is this for seed 1. */
export function pageAfterOneMinute(seed: number): string {
  const { registry, observer } = createMetrics();
  createWorkload(seed, observer).advance(60_000);
  return writePrometheusText(gatherRegistry(registry));
}
