#!/usr/bin/env node
import { DeliveryError } from "@promferry/core/delivery";
import { createPushgateway } from "@promferry/pushgateway";
import { CommanderError } from "commander";
import { createMetrics } from "./metrics.ts";
import { readOptions } from "./options.ts";
import { pageAfterOneMinute } from "./page.ts";
import { runPushLoop } from "./push-loop.ts";
import { traced } from "./trace.ts";
import { createWorkload } from "./workload.ts";

const log = (line: string) => console.error(`${new Date().toISOString()} ${line}`);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  const { url, job, instance, seed, once, deleteOnExit, interval: intervalMs } = options;
  if (options.print) {
    process.stdout.write(pageAfterOneMinute(seed));
    return;
  }
  const timeoutMs = Math.min(10_000, Math.max(1000, intervalMs));
  const gateway = createPushgateway({ url, job, grouping: { instance }, timeoutMs });
  const metrics = createMetrics();
  const observer = options.trace
    ? traced(metrics.observer, (line) => process.stdout.write(line))
    : metrics.observer;
  const workload = createWorkload(seed, observer);

  const stop = new AbortController();
  for (const [name, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.once(name, () => {
      log(`${name}: stopping; again to stop at once`);
      stop.abort();
      process.once(name, () => process.exit(128 + number));
    });
  }
  log(`pushing to ${new URL(url).host} as job ${job}, instance ${instance}${once ? ", once" : ""}`);
  await runPushLoop({ gateway, metrics, workload, intervalMs, once, deleteOnExit, signal: stop.signal, log });
}

/** As the other Promferry programs: 2 usage, 65 refused, 69 unavailable, 77 credentials, 78 configuration. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof TypeError) return 2;
  if (!(error instanceof DeliveryError)) return 1;
  if (error.retryable) return 69;
  if (error.code === "ERR_DELIVERY_UNAUTHORIZED") return 77;
  return error.code === "ERR_DELIVERY_MISCONFIGURED" ? 78 : 65;
}

main().catch((error: unknown) => {
  process.exitCode = exitCode(error);
  // Commander has said what it had to say.
  if (error instanceof CommanderError && error.code !== "commander.invalidArgument") return;
  console.error(`promferry-demo-pusher: ${error instanceof Error ? error.message : String(error)}`);
});
