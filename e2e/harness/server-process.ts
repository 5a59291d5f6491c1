import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { serverProgram } from "../../tools/servers.mjs";

/** A real server on loopback, with a folder of its own. */
export interface RunningServer {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
  /** Its folder; removed by `stop`. */
  readonly dir: string;
  /** What it has logged, the last 64 KiB. */
  log(): string;
  /** Ends it (SIGTERM, after 5 s SIGKILL) and removes its folder. Can be called again, and handed to `onTestFinished`. */
  readonly stop: () => Promise<void>;
}

export interface ServerStart {
  /** A key of `SERVERS` in tools/servers.mjs. */
  readonly name: string;
  /** Path that answers 200 once the server can be used. */
  readonly readyPath: string;
  /** Fills the server's folder before the first start. */
  readonly prepare?: (dir: string) => Promise<void>;
  readonly args: (address: { readonly host: string; readonly dir: string }) => readonly string[];
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;
const LOG_LIMIT = 64 * 1024;
const PORT_TRIES = 5;
/** What exporter-toolkit, VictoriaMetrics and Caddy log once the port is theirs. */
const LISTENING = /listening on|started server at|serving initial configuration/i;

/**
 * Starts a server on a free loopback port, in a new temporary folder.
 *
 * @throws {Error} With the end of the server's log when it ends or is not ready within 30 s.
 */
export async function startServer(start: ServerStart): Promise<RunningServer> {
  const dir = await mkdtemp(join(tmpdir(), `promferry-${start.name}-`));
  try {
    await start.prepare?.(dir);
    for (let attempt = 1; ; attempt++) {
      const host = `127.0.0.1:${await freePort()}`;
      const server = spawnServer(start, host, dir);
      try {
        await untilReady(server, `http://${host}${start.readyPath}`);
        return server;
      } catch (error) {
        await server.end();
        const clash = /address already in use/i.test(server.log());
        if (clash && attempt < PORT_TRIES) continue;
        throw new Error(
          `${start.name} did not start: ${(error as Error).message}\n${server.log().slice(-4000)}`,
        );
      }
    }
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

interface SpawnedServer extends RunningServer {
  readonly child: ChildProcess;
  /** Ends the process and keeps the folder. */
  readonly end: () => Promise<void>;
}

function spawnServer(start: ServerStart, host: string, dir: string): SpawnedServer {
  const child = spawn(serverProgram(start.name), start.args({ host, dir }), {
    cwd: dir,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log = (log + chunk).slice(-LOG_LIMIT);
  });
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", (error) => {
      log += error.message;
      resolve();
    });
  });
  // A run that is cut short must not leave its servers behind.
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);

  const end = async (): Promise<void> => {
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    child.kill("SIGTERM");
    await closed;
    clearTimeout(kill);
    process.off("exit", killAtExit);
  };
  const stop = async (): Promise<void> => {
    await end();
    await rm(dir, { recursive: true, force: true });
  };
  return { url: `http://${host}`, pid: child.pid ?? -1, dir, log: () => log, stop, child, end };
}

/** Both signs are needed: another server that won the port would answer the request too. */
async function untilReady(server: SpawnedServer, url: string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  let last = "no answer yet";
  while (Date.now() < deadline) {
    if (server.child.exitCode !== null || server.child.signalCode !== null || server.pid === -1) {
      throw new Error(`it ended with ${server.child.exitCode ?? server.child.signalCode ?? "no process"}`);
    }
    if (LISTENING.test(server.log())) {
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
        await answer.arrayBuffer();
        if (answer.ok) return;
        last = `status ${answer.status}`;
      } catch (error) {
        last = (error as Error).message;
      }
    }
    await delay(20);
  }
  throw new Error(`not ready within ${START_LIMIT_MS} ms: ${last}`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      if (address === null || typeof address === "string") throw new TypeError("expected a TCP address");
      probe.close(() => resolve(address.port));
    });
  });
}
