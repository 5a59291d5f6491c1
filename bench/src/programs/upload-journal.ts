/**
 * Uploads a journal to a list that nobody keeps: `upload-journal.ts DIR`. Prints what it cost; what is alive is what the heap and
 * buffers hold after a garbage collection, looked at with every few requests. Wants `--expose-gc`.
 */
import type { Destination } from "@promferry/core/delivery";
import { openJournal } from "@promferry/core/journal";
import type { Projection } from "@promferry/core/merge";
import { upload } from "@promferry/uploader";

const EVERY = 4;
let requests = 0;
let samples = 0;
let aliveBytes = 0;
const destination: Destination = {
  name: "nowhere",
  identity: "nowhere",
  keepsHistory: true,
  limits: { maxSamples: 10_000, maxBytes: 3_000_000 },
  encode: () => ({ requests: [], refused: [] }),
  async send(batch) {
    samples += batch.sampleCount;
    if (++requests % EVERY === 0) {
      globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      aliveBytes = Math.max(aliveBytes, heapUsed + external);
    }
    return { accepted: batch.sampleCount, refused: [], unknown: 0 };
  },
};
const [dir = ""] = process.argv.slice(2);
const began = performance.now();
const project: Projection = ({ name, labels }) => ({ name, labels });
await upload({ journal: openJournal(dir), targets: [{ destination, project }] });
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const cost = {
  wallMs: performance.now() - began,
  cpuMs: (userCPUTime + systemCPUTime) / 1000,
  rssMb: maxRSS / 1024,
};
console.log(JSON.stringify({ ...cost, samples, aliveMb: aliveBytes / 2 ** 20 }));
