import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import type { EpochMs } from "@promferry/core/series";

/** The process that holds a lock. What a system does not tell is the empty string. */
export interface LockHolder {
  readonly pid: number;
  /** When the process started, in the system's own words: a pid is given away again. */
  readonly start: string;
  /** Another one after each boot. */
  readonly boot: string;
  readonly host: string;
  /** Namespace in which `pid` counts. */
  readonly pidNamespace: string;
  readonly refreshedMs: EpochMs;
}

/** What is known about processes; a test passes another one. */
export interface ProcessTable {
  /** This process. */
  self(): Promise<Omit<LockHolder, "refreshedMs">>;
  /**
   * When the process with this pid started, or undefined where none runs: one that has ended and was not yet waited for
   * does not, though the system still knows its pid. Empty where that is not told.
   */
  startOf(pid: number): Promise<string | undefined>;
}

/** A holder that does not refresh for so long is taken for dead. */
export const LOCK_TIMEOUT_MS = 120_000;

/**
 * Whether the holder is gone: a process of this machine that no longer runs, or one that has not
 * refreshed its lock for two minutes.
 */
export async function isGone(holder: LockHolder, processes: ProcessTable, now: EpochMs): Promise<boolean> {
  // A clock that was set back must not keep a lock for ever.
  if (Math.abs(now - holder.refreshedMs) >= LOCK_TIMEOUT_MS) return true;
  const self = await processes.self();
  if (holder.host !== self.host) return false;
  if (holder.boot !== self.boot) return holder.boot !== "" && self.boot !== "";
  if (holder.pidNamespace !== self.pidNamespace) return false;
  const start = await processes.startOf(holder.pid);
  return start === undefined || (start !== "" && holder.start !== "" && start !== holder.start);
}

/** The processes of this machine; start times, boot and namespace are told on Linux only. */
export const nodeProcesses: ProcessTable = {
  async self() {
    return {
      pid: process.pid,
      start: (await statusOf(process.pid)).start,
      boot: await textOf("/proc/sys/kernel/random/boot_id"),
      host: hostname(),
      pidNamespace: await readlink("/proc/self/ns/pid").catch(() => ""),
    };
  },
  async startOf(pid) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      // EPERM: it runs, and belongs to somebody else.
      if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
    }
    const { state, start } = await statusOf(pid);
    return state === "Z" ? undefined : start;
  },
};

/** Fields 3 and 22 of /proc/<pid>/stat; the name before them may hold blanks and parentheses. */
async function statusOf(pid: number): Promise<{ readonly state: string; readonly start: string }> {
  const stat = await textOf(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", start: fields[19] ?? "" };
}

async function textOf(path: string): Promise<string> {
  return (await readFile(path, "utf8").catch(() => "")).trim();
}
