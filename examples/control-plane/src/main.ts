import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { createControlPlane } from "./control-plane.ts";
import { createMetrics } from "./metrics.ts";
import { createApi } from "./server.ts";

const { values } = parseArgs({
  // pnpm passes the `--` that separates its own flags on.
  args: process.argv.slice(2).filter((arg) => arg !== "--"),
  options: { port: { type: "string", default: "9464" } },
});
const metrics = createMetrics();
const api = createApi(createControlPlane(metrics), metrics);
// Metrics tell much about a system: they stay on this machine unless something in front of them checks who asks.
api.listen(Number(values.port), "127.0.0.1", () => {
  const { port } = api.address() as AddressInfo;
  console.log(`http://127.0.0.1:${port}/metrics`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => api.close());
