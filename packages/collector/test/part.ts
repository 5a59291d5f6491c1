/**
 * A part of a program that collects for itself: a worker thread, or a process of node:cluster.
 *
 * Usage: `part.ts DIR COUNT ENDING`; `end` comes to its end, `exit` calls process.exit, `wait` says so when it has
 * written a frame and waits.
 */
import { parentPort } from "node:worker_threads";
import { Counter, Registry } from "prom-client";
import { createCollector } from "../src/index.ts";

const [dir = "", count = "", ending = ""] = process.argv.slice(2);
const registry = new Registry();
const runs = new Counter({ name: "host_runs_total", help: "Runs.", registers: [registry] });
const collector = createCollector({
  registry,
  dir,
  app: "host",
  consent: { config: { enabled: true } },
  dayBoundary: "utc",
});
await collector.start();
runs.inc(Number(count));
if (ending === "exit") process.exit(0);
if (ending === "wait") {
  await collector.flush();
  if (parentPort) {
    parentPort.on("message", () => undefined);
    parentPort.postMessage("written");
  } else process.send?.("written");
}
