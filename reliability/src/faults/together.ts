import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { CollectTask } from "../children/collect-task.ts";
import type { UploadTask } from "../children/upload.ts";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { createRandom } from "../random.ts";
import { filesIn, startChild } from "../run-child.ts";
import { startParentReceiver } from "../simulation/parent-receiver.ts";
import { createReceiverMemory } from "../simulation/receiver-memory.ts";
import { checkSideLogs } from "../simulation/side-logs.ts";

const BUSY = 75;

export const together: Fault = {
  name: "together",
  title: "two uploaders and two collectors at once (the agent is not built)",
  unit: "runs",
  amounts: { long: 100, short: 2, mutant: 2 },
  holds: "each sample at the receiver exactly once, one request at a time, totals exact",
  notShown: ["The agent beside uploaders: it is not built."],
  run: (context) => eachCase(context, (index) => runOnce(context, index)),
};

async function runOnce(context: FaultContext, index: number): Promise<void> {
  const random = createRandom(context.seed, "together", index);
  const dir = await mkdtemp(join(tmpdir(), "promferry-together-"));
  const journal = join(dir, "journal");
  const logs = join(dir, "logs");
  await mkdir(logs);
  const memory = createReceiverMemory();
  const receiver = await startParentReceiver(memory, 15);
  const task: UploadTask = {
    dir: journal,
    url: receiver.url,
    cleans: true,
    compresses: false,
    kill: { when: "before" },
  };
  const collectors = [0, 1].map((number) => {
    const collect: CollectTask = {
      dir: journal,
      sideLog: join(logs, `${number}`),
      seed: `${context.seed} ${index} ${number}`,
      pauseMs: 10,
    };
    return startChild("collect", collect);
  });
  try {
    const until = Date.now() + random.between(1200, 2000);
    const uploadAgain = async () => {
      while (Date.now() < until) {
        const { code, stderr } = await startChild("upload", task).ended;
        demand(code === 0 || code === BUSY, `an uploader ended with ${code}: ${stderr.slice(0, 600)}`);
        context.count(code === BUSY ? "uploads kept out" : "uploads");
        await delay(random.between(0, 100));
      }
    };
    await Promise.all([uploadAgain(), uploadAgain()]);
    for (const collector of collectors) {
      collector.process.kill("SIGTERM");
      const { code, stderr } = await collector.ended;
      demand(code === 0, `a collector ended with ${code}: ${stderr.slice(0, 600)}`);
    }
    for (let i = 0; i < 2; i++) {
      const { code, stderr } = await startChild("upload", task).ended;
      demand(code === 0, `the last upload ended with ${code}: ${stderr.slice(0, 600)}`);
    }
    memory.check();
    demand(memory.repeated === 0, `${memory.repeated} requests were sent twice`);
    demand(receiver.mostAtOnce <= 1, `${receiver.mostAtOnce} requests were under way at once`);
    const verdict = await checkSideLogs(logs, await filesIn(journal));
    const found = memory.totals();
    for (const [series, total] of verdict.totals) {
      demand(
        (found.get(series) ?? 0) === total,
        `${series} is ${found.get(series)} at the receiver, its writers counted ${total}`,
      );
    }
    context.count("frames", verdict.frames);
    context.count("samples received", memory.samples.size);
    context.count("requests", memory.requests);
  } finally {
    for (const collector of collectors) collector.process.kill("SIGKILL");
    await Promise.all(collectors.map(({ ended }) => ended));
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  }
}
