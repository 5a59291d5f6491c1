/** An agent: writes pages into segments as fast as it may, says which are on the disk, and ships until it is told to end or killed. */
import { appendFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { createJournalWriter, createSegments } from "@promferry/core/journal";
import { startShipper } from "@promferry/uploader";
import { createRandom } from "../random.ts";
import { postDestination } from "../simulation/post-destination.ts";

export interface AgentTask {
  readonly dir: string;
  readonly url: string;
  /** Gets a line for each page that is on the disk: `series@time value`. */
  readonly sideLog: string;
  readonly seed: string;
}

const { dir, url, sideLog, seed } = JSON.parse(process.argv[2]!) as AgentTask;
const random = createRandom(seed);
const segments = createSegments({ dir, maxBytes: 8_000, dayBoundary: "utc" });
const writer = createJournalWriter({
  dir,
  segments,
  origin: "scrape",
  consent: "user",
  dayBoundary: "utc",
  info: { intervalMs: 100 },
});
const shipper = startShipper({
  dir,
  targets: [{ destination: postDestination(url), project: ({ name, labels }) => ({ name, labels }) }],
  settleMs: 100,
  lingerMs: 5,
});
let isEnding = false;
process.on("SIGTERM", () => {
  isEnding = true;
});
// From here on it ends in order when it is told to.
process.stdout.write("ready\n");
const labels = [{ name: "agent", value: writer.session }];
const series = [{ name: "page_reads_total", labels }];
for (let reads = 1; !isEnding; reads++) {
  const family = { name: "page_reads_total", type: "counter", help: "Reads.", unit: "", series } as const;
  const { writtenMs } = await writer.write({
    kind: "full",
    families: [{ ...family, values: [reads], timestampsMs: [Number.NaN] }],
  });
  appendFileSync(sideLog, `page_reads_total{agent="${writer.session}"}@${writtenMs} ${reads}\n`);
  shipper.wake();
  await delay(random.between(1, 15));
}
await writer.close();
await shipper.stop(AbortSignal.timeout(5_000));
process.exit(0);
