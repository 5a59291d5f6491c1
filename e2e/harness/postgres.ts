import { type ChildProcess, spawn } from "node:child_process";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProgram } from "./cli.ts";
import { freePort } from "./server-process.ts";

/** A PostgreSQL cluster of its own on loopback. */
export interface RunningPostgres {
  /** `postgres://promferry@127.0.0.1:<port>/postgres`; no password. Stays the same over `start`. */
  readonly url: string;
  readonly pid: () => number;
  /** What it has logged, the last 64 KiB. */
  log(): string;
  /** Ends it and keeps its data. `crash`: at once, as if the machine had failed, to be recovered by `start`. */
  halt(how?: "fast" | "crash"): Promise<void>;
  /** Starts it again after `halt`. */
  start(): Promise<void>;
  /** Ends it and removes its folder. Can be called again. */
  readonly stop: () => Promise<void>;
}

export interface PostgresOptions {
  /** Server settings, for example `{ max_connections: "20" }`. Default: the server's own. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** It will not run as root; `nobody` everywhere. */
const UNPRIVILEGED = 65_534;
const LOG_LIMIT = 64 * 1024;
const START_LIMIT_MS = 30_000;

/** Programs that `startPostgres` needs, for `requireProgram`. */
export const POSTGRES_PROGRAMS = ["initdb", "postgres"] as const;

/** Makes a cluster in a temporary folder and starts it. Its default order of texts is not bytewise. */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<RunningPostgres> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-postgres-"));
  const identity = process.getuid?.() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  if (identity.uid !== undefined) await chown(dir, identity.uid, identity.gid);
  const data = join(dir, "data");
  const port = await freePort();
  let server: ChildProcess | undefined;
  let closed: Promise<void> = Promise.resolve();
  let log = "";

  try {
    const order = ["--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US"];
    const init = ["-D", data, "-U", "promferry", "--auth=trust", "--no-sync", ...order];
    const made = await startProgram("initdb", init, { ...identity, cwd: dir });
    const { code, stderr } = await made.done;
    if (code !== 0) throw new Error(`initdb ended with ${code}\n${stderr}`);
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `postgres://promferry@127.0.0.1:${port}/postgres`,
    pid: () => server?.pid ?? -1,
    log: () => log,
    halt,
    start,
    stop,
  };

  async function start(): Promise<void> {
    const all = { listen_addresses: "127.0.0.1", port: `${port}`, unix_socket_directories: "", ...settings };
    const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn("postgres", ["-D", data, ...flags], {
      ...identity,
      cwd: dir,
      stdio: ["ignore", "ignore", "pipe"],
    });
    server = child;
    let ready = false;
    log = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      log = (log + chunk).slice(-LOG_LIMIT);
      ready ||= log.includes("ready to accept connections");
    });
    // A run that is cut short must not leave its servers behind; they take their own children along.
    const killAtExit = (): void => void child.kill("SIGQUIT");
    process.once("exit", killAtExit);
    let ended = false;
    closed = new Promise((resolve) => {
      const done = (): void => {
        ended = true;
        process.off("exit", killAtExit);
        resolve();
      };
      child.once("close", done);
      child.once("error", (error) => {
        log += error.message;
        done();
      });
    });
    const limit = AbortSignal.timeout(START_LIMIT_MS);
    while (!ready) {
      if (ended || limit.aborted) throw new Error(`postgres did not start\n${log.slice(-4_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function halt(how: "fast" | "crash" = "fast"): Promise<void> {
    server?.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await closed;
  }

  async function stop(): Promise<void> {
    await halt();
    await rm(dir, { recursive: true, force: true });
  }
}
