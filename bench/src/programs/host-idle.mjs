/**
 * Memory of an idle host, with or without a collector that has written frames: `host-idle.mjs DIR with|without`. Prints bytes:
 * of the heap and outside it after a garbage collection, and of the whole process. Wants `--expose-gc`.
 */
import { createHost } from "./host-metrics.mjs";

const [dir = "", kind = ""] = process.argv.slice(2);
const host = createHost();
if (kind === "with") {
  const { createCollector } = await import("@promferry/collector");
  const consent = { config: { enabled: true } };
  const collector = createCollector({ registry: host.registry, dir, app: "host", consent, env: {} });
  await collector.start();
  for (let i = 0; i < 3; i++) {
    host.work();
    await collector.flush();
  }
}
globalThis.gc?.();
await new Promise((resolve) => setTimeout(resolve, 50));
globalThis.gc?.();
const { heapUsed, external, rss } = process.memoryUsage();
console.log(JSON.stringify({ heap: heapUsed + external, rss }));
