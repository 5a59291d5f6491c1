/** What each flush of 2,000 series costs the host's thread, the first and coldest ones among them. Prints their times. */
import { createCollector } from "@promferry/collector";
import { createHost } from "./host-metrics.mjs";
import { stopwatch } from "./thread-time.mjs";

const [dir = ""] = process.argv.slice(2);
const host = createHost();
const consent = { config: { enabled: true } };
const collector = createCollector({ registry: host.registry, dir, app: "host", consent, env: {} });
await collector.start();
const times = [];
for (let i = 0; i < 50; i++) {
  host.work();
  const elapsed = stopwatch();
  await collector.flush();
  times.push(elapsed());
}
console.log(JSON.stringify(times));
