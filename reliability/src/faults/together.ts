import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentTask } from "../children/agent.ts";
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
  title: "two uploaders, an agent and a collector at once, the agent killed again and again",
  unit: "runs",
  amounts: { long: 100, short: 2, mutant: 10 },
  holds:
    "each sample at the receiver exactly once but for a request in doubt at a kill, one request at a time, totals exact, no page lost that was on the disk",
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
  const collect: CollectTask = {
    dir: journal,
    sideLog: join(logs, "collector"),
    seed: `${context.seed} ${index} collector`,
    pauseMs: 10,
  };
  const collector = startChild("collect", collect);
  const pages = join(dir, "pages");
  let kills = 0;
  let agents = 0;
  const startAgent = () => {
    const seed = `${context.seed} ${index} agent ${agents}`;
    const agentTask: AgentTask = { dir: journal, url: receiver.url, sideLog: `${pages}.${agents++}`, seed };
    return startChild("agent", agentTask);
  };
  let agent = startAgent();
  try {
    let until = Date.now() + random.between(3000, 5000);
    const ended = (error: unknown): never => {
      // Whatever else goes on in this run is over.
      until = 0;
      throw error;
    };
    const uploadAgain = async () => {
      while (Date.now() < until) {
        const { code, stderr } = await startChild("upload", task).ended;
        demand(code === 0 || code === BUSY, `an uploader ended with ${code}: ${stderr.slice(0, 600)}`);
        context.count(code === BUSY ? "uploads kept out" : "uploads");
        await delay(random.between(0, 100));
      }
    };
    const killAgain = async () => {
      while (Date.now() < until) {
        await delay(random.between(300, 1500));
        agent.process.kill("SIGKILL");
        const { signal, stderr } = await agent.ended;
        demand(signal === "SIGKILL", `an agent ended by itself: ${stderr.slice(0, 600)}`);
        kills++;
        await delay(random.between(0, 300));
        agent = startAgent();
      }
    };
    const works = [uploadAgain(), uploadAgain(), killAgain()];
    await Promise.all(works.map((work) => work.catch(ended))).finally(() => Promise.allSettled(works));
    collector.process.kill("SIGTERM");
    const collected = await collector.ended;
    demand(
      collected.code === 0,
      `the collector ended with ${collected.code}: ${collected.stderr.slice(0, 600)}`,
    );
    await delay(500);
    await agent.spoken;
    agent.process.kill("SIGTERM");
    const last = await agent.ended;
    demand(last.code === 0, `the agent ended with ${last.code}: ${last.stderr.slice(0, 600)}`);
    for (let i = 0; i < 2; i++) {
      const { code, stderr } = await startChild("upload", task).ended;
      demand(code === 0, `the last upload ended with ${code}: ${stderr.slice(0, 600)}`);
    }
    memory.check();
    demand(memory.repeated <= kills, `${memory.repeated} requests were sent twice, after ${kills} kills`);
    // What a killed agent has sent is still being answered when the next one begins.
    const most = kills === 0 ? 1 : 2;
    demand(receiver.mostAtOnce <= most, `${receiver.mostAtOnce} requests were under way at once`);
    const written = await pagesIn(pages, agents);
    for (const id of written) demand(memory.samples.has(id), `${id} was on the disk and never came`);
    const verdict = await checkSideLogs(logs, await filesIn(journal));
    const found = memory.totals();
    for (const [series, total] of verdict.totals) {
      demand(
        (found.get(series) ?? 0) === total,
        `${series} is ${found.get(series)} at the receiver, its writers counted ${total}`,
      );
    }
    context.count("agents killed", kills);
    context.count("pages on the disk", written.length);
    context.count("frames of the collector", verdict.acknowledged);
    context.count("requests repeated", memory.repeated);
    context.count("samples received", memory.samples.size);
    context.count("requests", memory.requests);
  } finally {
    for (const each of [collector, agent]) each.process.kill("SIGKILL");
    await Promise.all([collector.ended, agent.ended]);
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** The samples that the agents said to be on the disk, as `series@time`; a line torn by a kill says nothing. */
async function pagesIn(log: string, agents: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < agents; i++) {
    const text = await readFile(`${log}.${i}`, "utf8").catch(() => "");
    found.push(
      ...text
        .split("\n")
        .slice(0, -1)
        .map((line) => line.slice(0, line.lastIndexOf(" "))),
    );
  }
  return found;
}
