import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dayOfFile } from "@promferry/core/journal";
import { readConsent, writeConsent } from "@promferry/privacy";
import type { CollectTask } from "../children/collect-task.ts";
import type { ForgetTask } from "../children/forget.ts";
import type { KillPoint } from "../children/kill-point.ts";
import type { UploadTask } from "../children/upload.ts";
import type { WriteTask } from "../children/write.ts";
import { demand, type FaultContext } from "../fault.ts";
import type { Random } from "../random.ts";
import { type RunningChild, startChild } from "../run-child.ts";

/** In every journal somebody has put something of their own. */
const FOREIGN = ["notes.txt", "quarantine/mine.txt"];
const MOST_KILLS = 12;
const LIVES = 4;
const DAY_MS = 86_400_000;
/** How the decision was made that is to be forgotten. */
const BEFORE = "the suite, before forget";

export interface ForgetCase {
  readonly journal: string;
  readonly upload: UploadTask;
  /** Samples that the receiver has. */
  readonly received: () => number;
}

/**
 * Forgets one directory, killed again and again while it does, with a collector beside it in half of the cases; then
 * it is filled and forgotten again. Once it has begun, an upload under a configuration that says yes must send nothing;
 * in the end nothing of ours is left, and all that isn't.
 *
 * @returns How many kills there were.
 */
export async function forgetUnderKills(
  context: FaultContext,
  random: Random,
  { journal, upload, received }: ForgetCase,
): Promise<number> {
  let kills = 0;
  for (let life = 0; life < LIVES; life++) {
    const later = { ...upload, nowMs: upload.nowMs! + life * 4 * DAY_MS };
    kills += await forgetOnce(context, random, { journal, upload: later, received });
  }
  return kills;
}

async function forgetOnce(
  context: FaultContext,
  random: Random,
  { journal, upload, received }: ForgetCase,
): Promise<number> {
  const refused = random.chance(0.3);
  await mkdir(join(journal, "quarantine"), { recursive: true });
  for (const day of [0, 1]) await writeUnsent(journal, random, upload.nowMs! + day * DAY_MS);
  for (const name of FOREIGN) await writeFile(join(journal, name), "mine");
  const collecting = refused || random.chance(0.5) ? undefined : await collector(journal, random);
  await writeConsent(journal, {
    choice: refused ? "disabled" : "enabled",
    decidedAtMs: 1,
    decidedBy: BEFORE,
  });
  const days = await daysIn(journal);
  let kills = 0;
  try {
    for (; ; kills++) {
      const kill: KillPoint =
        kills < MOST_KILLS
          ? {
              // Some twenty calls before it begins, six and more for each file.
              at: random.between(1, random.pick([70, 70, 250])),
              when: random.pick(["before", "after", "torn"]),
            }
          : { when: "before" };
      const task: ForgetTask = { dir: journal, nowMs: upload.nowMs! + 2 * DAY_MS + kills * 200_000, kill };
      const { code, signal, stderr, stdout } = await startChild("forget", task).ended;
      if (signal !== "SIGKILL") {
        demand(code === 0, `forget ended with ${code ?? signal}: ${stderr.slice(0, 600)}`);
        demand(stdout.includes('"left":[]'), `forget could not erase: ${stdout.slice(0, 300)}`);
        break;
      }
      const isWhole = (await daysIn(journal)).length >= days.length;
      if (!isWhole || hasDecidedAnew(journal)) await demandSilence(upload, received);
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

/** Frames that an upload would send, if it might. */
async function writeUnsent(dir: string, random: Random, beginMs: number): Promise<void> {
  const seed = `${random.between(0, 1e9)}`;
  const sideLog = join(dir, "..", "unsent-side-log");
  const task: WriteTask = { dir, sideLog, seed, beginMs, gapMs: 60_000, frames: 6, kill: { when: "before" } };
  const { code, stderr } = await startChild("write", task).ended;
  demand(code === 0, `a writer ended with ${code}: ${stderr.slice(0, 600)}`);
}

async function daysIn(dir: string): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => dayOfFile(name) !== undefined);
}

/** Whether the decision of before is gone, whatever stands in its place. */
function hasDecidedAnew(dir: string): boolean {
  const stored = readConsent(dir);
  return stored.kind !== "decided" || stored.record.decidedBy !== BEFORE;
}

/** What is half forgotten must not be sent. */
async function demandSilence(upload: UploadTask, received: () => number): Promise<void> {
  const task = { ...upload, nowMs: upload.nowMs! + 2 * DAY_MS };
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
