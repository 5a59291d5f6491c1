/** A program that writes some frames at simulated times and may be killed while it does. */
import { appendFileSync } from "node:fs";
import { createJournalWriter } from "@promferry/core/journal";
import { createRandom } from "../random.ts";
import { createProgram } from "../simulation/program.ts";
import { createKillPoint, type KillPoint } from "./kill-point.ts";

export interface WriteTask {
  readonly dir: string;
  /** Gets a line before each flush and one after it. */
  readonly sideLog: string;
  readonly seed: string;
  readonly beginMs: number;
  readonly gapMs: number;
  readonly frames: number;
  readonly kill: KillPoint;
}

/** A line of the side log. */
export type SideLogLine = { readonly acknowledged: string; readonly state: readonly [string, number][] };

const task = JSON.parse(process.argv[2]!) as WriteTask;
const { fs } = createKillPoint(task.kill);
let nowMs = task.beginMs;
const writer = createJournalWriter({
  dir: task.dir,
  origin: "app",
  consent: "config",
  info: { intervalMs: task.gapMs },
  dayBoundary: "utc",
  fs,
  now: () => nowMs,
  monotonicMs: () => nowMs,
});
const program = createProgram(createRandom(task.seed));
const note = (acknowledged: string) => {
  const line: SideLogLine = { acknowledged, state: [...program.state()] };
  appendFileSync(task.sideLog, `${JSON.stringify(line)}\n`);
};
await writer.write({ kind: "start", families: [] });
for (let i = 0; i < task.frames; i++) {
  nowMs += task.gapMs;
  program.work();
  note("");
  const exit = i === task.frames - 1;
  const { session, seq } = await writer.write({ kind: "full", families: program.families(), exit });
  note(`${session} ${seq}`);
}
