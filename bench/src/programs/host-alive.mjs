/** How long a host lives on after its last work, with a collector that flushes each minute. Prints milliseconds, at its end. */
import { writeSync } from "node:fs";
import { createCollector } from "@promferry/collector";
import { createHost } from "./host-metrics.mjs";
import { stopwatch } from "./thread-time.mjs";

const [dir = ""] = process.argv.slice(2);
const { registry } = createHost();
const consent = { config: { enabled: true } };
const options = {
  registry,
  dir,
  app: "host",
  consent,
  env: {},
  intervalMs: 60_000,
  maintain: async () => {},
};
let elapsed = stopwatch();
process.on("exit", () => writeSync(1, JSON.stringify([elapsed()])));
const collector = createCollector(options);
await collector.start();
await collector.flush();
elapsed = stopwatch();
