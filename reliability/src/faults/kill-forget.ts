import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConsent, writeConsent } from "@promferry/privacy";
import type { CollectTask } from "../children/collect-task.ts";
import type { ForgetTask } from "../children/forget.ts";
import type { KillPoint } from "../children/kill-point.ts";
import type { UploadTask } from "../children/upload.ts";
import { demand, type FaultContext } from "../fault.ts";
import type { Random } from "../random.ts";
import { type RunningChild, startChild } from "../run-child.ts";

/** In every journal somebody has put something of their own. */
const FOREIGN = ["notes.txt", "quarantine/mine.txt"];
const MOST_KILLS = 12;

export interface ForgetCase {
  readonly journal: string;
  readonly upload: UploadTask;
  /** Samples that the receiver has. */
  readonly received: () => number;
}

/**
 * Forgets one directory, killed again and again while it does, with a collector beside it in half of the cases. Once
 * it has begun, an upload under a configuration that says yes must send nothing; in the end nothing of ours is left,
 * and all that isn't.
 *
 * @returns How many kills there were.
 */
export async function forgetUnderKills(
  context: FaultContext,
  random: Random,
  { journal, upload, received }: ForgetCase,
): Promise<number> {
  const refused = random.chance(0.3);
  await mkdir(join(journal, "quarantine"), { recursive: true });
  for (const name of FOREIGN) await writeFile(join(journal, name), "mine");
  const collecting = refused || random.chance(0.5) ? undefined : await collector(journal, random);
  await writeConsent(journal, {
    choice: refused ? "disabled" : "enabled",
    decidedAtMs: 1,
    decidedBy: "the suite",
  });
  let kills = 0;
  try {
    for (; ; kills++) {
      const kill: KillPoint =
        kills < MOST_KILLS
          ? {
              at: random.between(1, random.pick([15, 60, 150])),
              when: random.pick(["before", "after", "torn"]),
            }
          : { when: "before" };
      const task: ForgetTask = { dir: journal, nowMs: upload.nowMs! + kills * 200_000, kill };
      const { code, signal, stderr, stdout } = await startChild("forget", task).ended;
      if (signal !== "SIGKILL") {
        demand(code === 0, `forget ended with ${code ?? signal}: ${stderr.slice(0, 600)}`);
        demand(stdout.includes('"left":[]'), `forget could not erase: ${stdout.slice(0, 300)}`);
        break;
      }
      if (hasBegun(journal)) await demandSilence(upload, received);
    }
  } finally {
    collecting?.process.kill("SIGTERM");
    await collecting?.ended;
  }
  context.count("forgets ended", 1);
  context.count("forgets killed", kills);
  const kept = refused ? ["consent.json"] : [];
  const found = (await filesBelow(journal)).sort();
  const expected = [...FOREIGN, ...kept].sort();
  demand(found.join() === expected.join(), `after forget there is ${found.join()}, not ${expected.join()}`);
  return kills;
}

function hasBegun(dir: string): boolean {
  const stored = readConsent(dir);
  return stored.kind === "decided" && stored.record.choice === "forgetting";
}

/** What is half forgotten must not be sent. */
async function demandSilence(task: UploadTask, received: () => number): Promise<void> {
  const before = received();
  const { code, stderr } = await startChild("upload", task).ended;
  demand(
    code === 0,
    `an upload beside a forget that was cut off ended with ${code}: ${stderr.slice(0, 600)}`,
  );
  demand(received() === before, `${received() - before} samples left after forget had begun`);
}

/** A program that runs on under the consent that is to be forgotten. */
async function collector(dir: string, random: Random): Promise<RunningChild> {
  const sideLog = join(dir, "..", "forget-side-log");
  const task: CollectTask = { dir, sideLog, seed: `${random.between(0, 1e9)}`, pauseMs: 20, consent: "file" };
  return startChild("collect", task);
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(dir.length + 1));
}
