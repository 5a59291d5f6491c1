/**
 * Uploads killed with SIGKILL at chosen points, then run to the end: the server has each sample once.
 */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FaultPoint, requireServer, samplesOf, startPrometheus, startProxy } from "./harness/index.ts";
import { expectedSamples } from "./three-days/expected.ts";
import { BEGIN_MS, bySeries, inOrder, threeDays } from "./three-days/three-days.ts";

const ALL = '{__name__=~"k1_.+"}';

for (const { name, point, stored } of [
  { name: "before the body", point: "headers", stored: false },
  { name: "in the middle of the body", point: "mid-body", stored: false },
  { name: "after the 2xx and before the ledger", point: "response", stored: true },
] satisfies { name: string; point: FaultPoint; stored: boolean }[]) {
  test(`an upload killed ${name} goes on and stores each sample once`, async (context) => {
    requireServer(context, "prometheus");
    const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
    context.onTestFinished(prometheus.stop);
    const proxy = await startProxy(prometheus.url, {
      onRequest: ({ n }) => (n === 3 ? { hold: point } : undefined),
    });
    context.onTestFinished(proxy.stop);
    const { runs, cli } = await threeDays(context, { type: "prometheus", url: `${proxy.url}/api/v1/write` });

    const killed = await cli(["upload-metrics"], { killOn: proxy.hit });

    expect(killed.signal).toBe("SIGKILL");
    expect(proxy.requests).toHaveLength(3);
    const held = await proxy.hit;
    expect(held.targetStatus === 204).toBe(stored);

    expect(await cli(["upload-metrics", "--json"])).toMatchObject({ code: 0 });

    expect(proxy.requests.length).toBeGreaterThan(3);
    if (stored) expect(proxy.requests[3]?.body.equals(held.body)).toBe(true);
    expect(bySeries(await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now()))).toEqual(
      inOrder(expectedSamples(runs)),
    );
  });
}

for (const { name, moment } of [
  { name: "just before the ledger's rename", moment: "before" },
  { name: "just after the ledger's rename", moment: "after" },
]) {
  test(`an upload killed ${name} goes on and stores each sample once`, async (context) => {
    requireServer(context, "prometheus");
    const prometheus = await startPrometheus({ outOfOrderTimeWindow: "30d" });
    context.onTestFinished(prometheus.stop);
    const proxy = await startProxy(prometheus.url);
    context.onTestFinished(proxy.stop);
    const { runs, cli, home } = await threeDays(context, {
      type: "prometheus",
      url: `${proxy.url}/api/v1/write`,
    });
    const preload = join(home, "kill-at-rename.mjs");
    await writeFile(preload, killAtRename(moment, 3));

    const killed = await cli(["upload-metrics"], { nodeArgs: ["--import", preload] });

    expect(killed).toMatchObject({ signal: "SIGKILL", stderr: expect.stringContaining("ledger rename 3") });
    const sentBefore = proxy.requests.length;
    expect(sentBefore).toBeGreaterThan(0);

    expect(await cli(["upload-metrics", "--json"])).toMatchObject({ code: 0 });

    expect(proxy.requests.length).toBeGreaterThan(sentBefore);
    expect(bySeries(await samplesOf(prometheus.url, ALL, BEGIN_MS, Date.now()))).toEqual(
      inOrder(expectedSamples(runs)),
    );
  });
}

/** A module for `--import` that ends the process around the ledger's nth rename. */
function killAtRename(moment: string, nth: number): string {
  return `
import { createRequire, syncBuiltinESMExports } from "node:module";
import { writeSync } from "node:fs";
const promises = createRequire(import.meta.url)("node:fs/promises");
const { rename } = promises;
let renames = 0;
promises.rename = async (from, to) => {
  const isLedger = String(to).endsWith(".uploaded");
  if (isLedger) renames++;
  const isDue = isLedger && renames === ${nth};
  if (isDue) writeSync(2, "ledger rename " + renames + "\\n");
  if (isDue && ${JSON.stringify(moment)} === "before") process.kill(process.pid, "SIGKILL");
  await rename(from, to);
  if (isDue) process.kill(process.pid, "SIGKILL");
};
syncBuiltinESMExports();
`;
}
