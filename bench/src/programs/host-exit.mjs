/** What the exit frame of 2,000 series costs a program that has written nothing but its start frame. Prints its time. */
import { writeSync } from "node:fs";
import { createCollector } from "@promferry/collector";
import { createHost } from "./host-metrics.mjs";
import { stopwatch } from "./thread-time.mjs";

const [dir = ""] = process.argv.slice(2);
const host = createHost();
const consent = { config: { enabled: true } };
const collector = createCollector({ registry: host.registry, dir, app: "host", consent, env: {} });
let elapsed = stopwatch();
process.on("exit", () => {
  elapsed = stopwatch();
});
await collector.start();
host.work();
process.on("exit", () => writeSync(1, JSON.stringify([elapsed()])));
