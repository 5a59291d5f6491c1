import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KillPoint } from "../children/kill-point.ts";
import type { UploadTask } from "../children/upload.ts";
import type { SideLogLine, WriteTask } from "../children/write.ts";
import { demand, eachCase, type Fault, type FaultContext } from "../fault.ts";
import { createRandom, type Random } from "../random.ts";
import { filesIn, type RunningChild, startChild } from "../run-child.ts";
import { differenceOf, expectedSamples } from "../simulation/expected-samples.ts";
import { createJournalWatch } from "../simulation/journal-watch.ts";
import { startParentReceiver } from "../simulation/parent-receiver.ts";
import { createReceiverMemory } from "../simulation/receiver-memory.ts";
import { forgetUnderKills } from "./kill-forget.ts";

const BEGIN_MS = Date.UTC(2035, 2, 5, 3);
const MINUTE_MS = 60_000;
const ROUNDS = 24;
const FRAMES = 6;

export const kill: Fault = {
  name: "kill",
  title:
    "SIGKILL at random calls and at random moments of writer, uploader, retention, compression and forget",
  unit: "kills",
  amounts: { long: 10_000, short: 60, mutant: 120 },
  holds:
    "no acknowledged frame lost, no sample sent twice but in a request in doubt, no start refused, no hand repair; what was half forgotten is not sent, and the next forget ends it",
  run: (context) => eachCase(context, (index) => runDirectory(context, index)),
};

/** One directory through many kills; how many there were. */
async function runDirectory(context: FaultContext, index: number): Promise<number> {
  const random = createRandom(context.seed, "kill", index);
  const dir = await mkdtemp(join(tmpdir(), "promferry-kill-"));
  const journal = join(dir, "journal");
  const memory = createReceiverMemory();
  const watch = createJournalWatch(memory);
  const receiver = await startParentReceiver(memory);
  let nowMs = BEGIN_MS + random.between(0, 1440) * MINUTE_MS;
  let kills = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const gapMs = random.pick([5, 40, 150]) * MINUTE_MS;
      const sideLog = join(dir, `side-log-${round}`);
      const running: RunningChild[] = [];
      if (random.chance(0.7)) {
        const task: WriteTask = {
          dir: journal,
          sideLog,
          seed: `${context.seed} ${index} ${round}`,
          beginMs: nowMs + MINUTE_MS,
          gapMs,
          frames: FRAMES,
          kill: pickKill(random, 7 * FRAMES),
        };
        running.push(startChild("write", task));
      }
      const uploads = running.length === 0 || random.chance(0.5);
      if (uploads) {
        const task = uploadTask(journal, receiver.url, nowMs, random.chance(0.6));
        running.push(startChild("upload", { ...task, kill: pickKill(random, random.pick([60, 200, 600])) }));
      }
      if (random.chance(0.1)) {
        const victim = random.pick(running);
        await delay(random.between(20, 120));
        victim.process.kill("SIGKILL");
      }
      for (const { ended } of running) {
        const { code, signal, stdout, stderr } = await ended;
        if (signal === "SIGKILL") kills++;
        else demand(code === 0, `a process ended with ${code ?? signal}: ${stderr.slice(0, 600)}`);
        const isUploader = uploads && ended === running.at(-1)!.ended;
        if (isUploader && code === 0) {
          memory.settleLast();
          context.count("days deleted", JSON.parse(stdout || "{}").deleted ?? 0);
        }
        context.count(
          `${isUploader ? "uploaders" : "writers"} ${signal === "SIGKILL" ? "killed" : "that lived"}`,
        );
      }
      await readSideLog(sideLog, watch);
      watch.look(await filesIn(journal), false);
      memory.check();
      nowMs += (FRAMES + 1) * gapMs + 5 * MINUTE_MS;
    }
    const last = startChild("upload", {
      ...uploadTask(journal, receiver.url, nowMs, true),
      kill: { when: "before" },
    });
    const { code, stderr } = await last.ended;
    demand(code === 0, `the last upload ended with ${code}: ${stderr.slice(0, 600)}`);
    watch.look(await filesIn(journal), false);
    memory.check();
    const difference = differenceOf(memory.samples, expectedSamples(watch.frames()));
    demand(difference === undefined, `at the receiver ${difference}`);
    context.count("frames acknowledged", watch.acknowledged);
    context.count("samples received", memory.samples.size);
    context.count("requests repeated", memory.repeated);
    const silent: UploadTask = {
      ...uploadTask(journal, receiver.url, nowMs, false),
      asksConsent: true,
      kill: { when: "before" },
    };
    const received = () => memory.samples.size;
    return kills + (await forgetUnderKills(context, random, { journal, upload: silent, received }));
  } finally {
    await receiver.close();
    await rm(dir, { recursive: true, force: true });
  }
}

function pickKill(random: Random, calls: number): KillPoint {
  return { at: random.between(1, calls), when: random.pick(["before", "after", "torn"]) };
}

function uploadTask(dir: string, url: string, nowMs: number, cleans: boolean): Omit<UploadTask, "kill"> {
  return { dir, url, nowMs, cleans, compresses: cleans };
}

async function readSideLog(path: string, watch: ReturnType<typeof createJournalWatch>): Promise<void> {
  if (!existsSync(path)) return;
  // The last line may be torn: then nothing was acknowledged by it.
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
  for (const line of lines) {
    const { acknowledged, state } = JSON.parse(line) as SideLogLine;
    const [session = "", seq] = acknowledged.split(" ");
    if (acknowledged !== "") watch.acknowledge({ session, seq: Number(seq) }, new Map(state));
  }
}
