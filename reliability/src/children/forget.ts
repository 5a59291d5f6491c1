/** A `forget` that may be killed while it works. */
import { rmdir } from "node:fs/promises";
import { openJournal } from "@promferry/core/journal";
import { type ForgetFs, forget } from "@promferry/uploader";
import { createKillPoint, type KillPoint } from "./kill-point.ts";

export interface ForgetTask {
  readonly dir: string;
  /** As for uploads: a lock that was torn while it was made is free after two minutes. */
  readonly nowMs: number;
  readonly kill: KillPoint;
}

const { dir, nowMs, kill } = JSON.parse(process.argv[2]!) as ForgetTask;
const { fs: known, call } = createKillPoint(kill);
const fs: ForgetFs = { ...known, removeDirectory: (path) => call(() => rmdir(path)) };
const now = () => nowMs;
const receipt = await forget({
  journal: openJournal(dir, { fs, now }),
  by: "the suite",
  now,
  fs,
  deleteRemote: () => call(async () => {}),
});
process.stdout.write(JSON.stringify({ left: receipt.left }));
