/** A program that counts, and flushes as fast as it can, until it is told to end or killed. */
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createCollector } from "@promferry/collector";
import { counter, defineMetrics } from "@promferry/core";
import { createRandom } from "../random.ts";
import { type CollectLine, type CollectTask, KINDS } from "./collect-task.ts";

const { dir, sideLog, seed, pauseMs, consent = "config" } = JSON.parse(process.argv[2]!) as CollectTask;
const random = createRandom(seed);
const metrics = defineMetrics(
  { namespace: "app" },
  {
    events: counter({ name: "events_total", help: "Events.", labels: { kind: KINDS } }),
    flushes: counter({ name: "flushes_total", help: "Flushes." }),
  },
);
const collector = createCollector({
  catalogue: metrics,
  dir,
  app: "app",
  consent: consent === "config" ? { config: { enabled: true } } : {},
  env: {},
  dayBoundary: "utc",
});
await collector.start();
let isEnding = false;
process.on("SIGTERM", () => {
  isEnding = true;
});
const counts = KINDS.map(() => 0);
for (let flush = 1; !isEnding; flush++) {
  for (const [i, kind] of KINDS.entries()) {
    const by = random.between(0, 5);
    metrics.events.inc({ kind }, by);
    counts[i]! += by;
  }
  metrics.flushes.inc();
  const line: CollectLine = { session: collector.status().session ?? "", flush, counts };
  appendFileSync(sideLog, `${JSON.stringify(line)}\n`);
  const result = await collector.flush();
  if (result !== undefined)
    appendFileSync(sideLog, `${JSON.stringify({ ...line, seq: result.seq, atMs: Date.now() })}\n`);
  await delay(random.between(0, pauseMs));
}
// Ends as any program does; the exit frame holds what was flushed last.
process.exit(0);
