import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CliError } from "../cli-error.ts";
import { runCommand } from "../credentials/run-command.ts";
import { EXIT } from "../exit-codes.ts";
import { crontabEntry, removeEntryCommand, withEntry } from "./crontab-entry.ts";
import { launchdSchedule } from "./launchd-agent.ts";
import type { Schedule, ScheduledJob, ScheduleFile, ScheduleHome, ScheduleKind } from "./schedule.ts";
import { systemdSchedule } from "./systemd-units.ts";
import { windowsTask } from "./windows-task.ts";

/**
 * What has to be written where, and run, for one service manager.
 *
 * @throws {CliError} Exit 2: it can't run at that distance.
 */
export function planSchedule(kind: ScheduleKind, job: ScheduledJob, home: ScheduleHome): Schedule {
  switch (kind) {
    case "systemd":
      return systemdSchedule(job, home);
    case "launchd":
      return launchdSchedule(job, home);
    case "task":
      return windowsTask(job, home);
    case "cron":
      return {
        files: [{ path: "crontab", content: crontabEntry(job) }],
        activate: [],
        remove: removeEntryCommand(job),
        notes: [],
      };
  }
}

export interface InstallOptions extends ScheduleHome {
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/**
 * Writes a schedule to the user's own place and puts it to work. Again with the same job it changes nothing; with
 * another one of the same name it replaces.
 *
 * @returns The paths that were written; what stood there already is not among them.
 * @throws {CliError} Exit 74: the service manager is missing or refused.
 */
export async function installSchedule(
  kind: ScheduleKind,
  job: ScheduledJob,
  options: InstallOptions,
): Promise<readonly string[]> {
  const { files, activate } = planSchedule(kind, job, options);
  if (kind === "cron") return installEntry(job, options);
  const written: string[] = [];
  for (const file of files) if (await writeIfNew(file)) written.push(file.path);
  for (const { argv, mayFail = false } of activate) {
    try {
      await runTool(argv, options);
    } catch (error) {
      if (!mayFail) throw error;
    }
  }
  return written;
}

async function installEntry(job: ScheduledJob, options: InstallOptions): Promise<readonly string[]> {
  const present = await runTool(["crontab", "-l"], options).catch((error: unknown) => {
    // That is how crontab says that there is none.
    if (error instanceof ToolError && /no crontab for/i.test(error.stderr)) return "";
    throw error;
  });
  const wanted = withEntry(present, job);
  if (wanted === present) return [];
  const folder = await mkdtemp(join(tmpdir(), "promferry-crontab-"));
  try {
    const path = join(folder, "crontab");
    await writeFile(path, wanted, { mode: 0o600 });
    await runTool(["crontab", path], options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return ["crontab"];
}

async function writeIfNew({ path, content, encoding = "utf8" }: ScheduleFile): Promise<boolean> {
  const there = await readFile(path, encoding).catch(() => undefined);
  if (there === content) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { encoding, mode: 0o644 });
  return true;
}

class ToolError extends CliError {
  readonly stderr: string;

  constructor(argv: readonly string[], why: string, stderr: string, cause?: unknown) {
    const said = stderr.trim().split("\n")[0]?.slice(0, 200) ?? "";
    super(EXIT.io, `\`${argv.join(" ")}\` ${why}${said === "" ? "" : `: ${said}`}`, {
      hint: "run it by hand, or leave --write out and install what is printed; doing it again does no harm",
      cause,
    });
    this.stderr = stderr;
  }
}

async function runTool(argv: readonly string[], { env, cwd, signal }: InstallOptions): Promise<string> {
  let result: Awaited<ReturnType<typeof runCommand>>;
  try {
    result = await runCommand([...argv], { env: { ...env, LC_ALL: "C" }, cwd, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new ToolError(argv, "can't be started", (error as Error).message, error);
  }
  const { end, stderr, stdout } = result;
  if (typeof end === "object" && "code" in end && end.code === 0) return stdout.toString("utf8");
  const why =
    typeof end === "string" ? `was ended (${end})` : "code" in end ? `ended with ${end.code}` : "was killed";
  throw new ToolError(argv, why, stderr);
}
