import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ProgramOptions {
  /**
   * Added to an environment that holds nothing but PATH, an empty HOME of this run, and NO_COLOR.
   * Runs that share what lies in a home directory name their own HOME.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the test's working directory. */
  readonly cwd?: string;
  /** Goes to standard input, which is otherwise closed. */
  readonly input?: string | Uint8Array;
  /** SIGKILL once this resolves, for example a proxy's `hit`. */
  readonly killOn?: Promise<unknown>;
  /** User and group to run as; only root may ask. Default: those of this process. */
  readonly uid?: number;
  readonly gid?: number;
  /** Flags of Node itself, for example `["--import", file]`. */
  readonly nodeArgs?: readonly string[];
  /** SIGKILL after this long, in milliseconds. Default 60 000. */
  readonly timeoutMs?: number;
}

export interface ProgramResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  readonly pid: number;
  /** What it has printed so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Resolves with the match once stdout or stderr holds it; rejects when the program ends before. */
  waitFor(pattern: RegExp): Promise<RegExpMatchArray>;
  kill(signal?: NodeJS.Signals): void;
  readonly done: Promise<ProgramResult>;
  /** SIGKILL if it still runs; for `onTestFinished`. */
  readonly stop: () => Promise<void>;
}

/** The workspace's root. */
export const workspaceRoot: string = fileURLToPath(new URL("../../", import.meta.url));

/** Runs the CLI from its sources and waits for its end. */
export async function runCli(args: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
  return (await startCli(args, options)).done;
}

/** Starts the CLI from its sources. */
export function startCli(args: readonly string[], options: ProgramOptions = {}): Promise<RunningProgram> {
  return startSource(join(workspaceRoot, "apps/cli/src/main.ts"), args, options);
}

/** Starts any TypeScript program of the workspace under this Node, with packages resolved to their sources. */
export function startSource(
  main: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<RunningProgram> {
  const { nodeArgs = [] } = options;
  return startProgram(
    process.execPath,
    ["--conditions=@promferry/source", ...nodeArgs, main, ...args],
    options,
  );
}

/** Starts a program, for example promtool, and collects what it prints. */
export async function startProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<RunningProgram> {
  const { env = {}, input, killOn, timeoutMs = 60_000 } = options;
  const home = await mkdtemp(join(tmpdir(), "promferry-home-"));
  const child = spawn(program, args, {
    cwd: options.cwd,
    uid: options.uid,
    gid: options.gid,
    env: { PATH: process.env["PATH"], HOME: home, NO_COLOR: "1", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (chunk: string) => {
      printed[stream] += chunk;
      for (const listener of listeners) listener();
    });
  }
  // A program may end without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(input);

  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  killOn?.then(() => child.kill("SIGKILL"));

  const closed = new Promise<ProgramResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...printed }));
  });
  const done = closed.finally(async () => {
    clearTimeout(timer);
    process.off("exit", killAtExit);
    await rm(home, { recursive: true, force: true });
  });
  const ended = done.then(
    () => {},
    () => {},
  );

  return {
    pid: child.pid ?? -1,
    output: () => ({ ...printed }),
    waitFor: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = printed.stdout.match(pattern) ?? printed.stderr.match(pattern);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        ended.then(() =>
          reject(new Error(`ended without printing ${pattern}\n${printed.stdout}\n${printed.stderr}`)),
        );
      }),
    kill: (signal = "SIGTERM") => void child.kill(signal),
    done,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
