import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openJournal } from "@promferry/core/journal";
import { upload } from "@promferry/uploader";
import type { CollectTask } from "../children/collect-task.ts";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { createRandom } from "../random.ts";
import { filesIn, startChild } from "../run-child.ts";
import { createMemoryDestination, createReceiverMemory } from "../simulation/receiver-memory.ts";
import { checkSideLogs } from "../simulation/side-logs.ts";

const PROCESSES = 8;
const RUNS = 20;

export const processes: Fault = {
  name: "processes",
  title: `${PROCESSES} processes on one directory, killed and started again at random`,
  unit: "seconds",
  amounts: { long: 60 * RUNS, short: 8, mutant: 3 },
  holds: "totals exact to each process's last durable frame, against a side log written before each flush",
  async run(context) {
    const runs = Math.min(RUNS, Math.max(1, Math.floor(context.amount / 8)));
    await eachCase({ ...context, amount: runs }, (index) => runOnce(context, index, context.amount / runs));
    context.count("runs", runs);
  },
};

async function runOnce(context: FaultContext, index: number, seconds: number): Promise<void> {
  const random = createRandom(context.seed, "processes", index);
  const dir = await mkdtemp(join(tmpdir(), "promferry-processes-"));
  const journal = join(dir, "journal");
  const logs = join(dir, "logs");
  await mkdir(logs);
  const until = Date.now() + seconds * 1000;
  let started = 0;
  const runProcess = async () => {
    while (Date.now() < until) {
      const number = started++;
      const task: CollectTask = {
        dir: journal,
        sideLog: join(logs, `${number}`),
        seed: `${context.seed} ${index} ${number}`,
        pauseMs: 150,
      };
      const { process: child, ended } = startChild("collect", task);
      await Promise.race([
        ended,
        delay(Math.min(random.between(200, 6000), Math.max(300, until - Date.now()))),
      ]);
      const kills = random.chance(0.8);
      child.kill(kills ? "SIGKILL" : "SIGTERM");
      const { code, signal, stderr } = await ended;
      const isFine = signal === "SIGKILL" || signal === "SIGTERM" || code === 0;
      demand(isFine, `a process ended with ${code ?? signal}: ${stderr.slice(0, 600)}`);
      context.count(kills ? "processes killed" : "processes ended");
    }
  };
  try {
    await Promise.all(Array.from({ length: PROCESSES }, runProcess));
    const verdict = await checkSideLogs(logs, await filesIn(journal));
    const memory = createReceiverMemory();
    const destination = createMemoryDestination(memory, undefined, 5000);
    const project = ({
      name,
      labels,
    }: Parameters<Parameters<typeof upload>[0]["targets"][0]["project"]>[0]) => ({ name, labels });
    for (let i = 0; i < 2; i++) {
      const report = await upload({
        journal: openJournal(journal),
        targets: [{ destination, project }],
        sendNow: true,
      });
      demand(report.verdict === 0, `the upload ended with ${report.verdict}`);
    }
    memory.check();
    const found = memory.totals();
    for (const [series, total] of verdict.totals) {
      demand(
        (found.get(series) ?? 0) === total,
        `${series} is ${found.get(series)} at the receiver, its writers counted ${total}`,
      );
    }
    context.count("sessions", verdict.sessions);
    context.count("frames acknowledged", verdict.acknowledged);
    context.count("frames", verdict.frames);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
