import { spawn } from "node:child_process";
import type { CommandLine } from "../config/schema.ts";

export interface RunCommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working folder of the command. */
  readonly cwd: string;
  /** Whether a person sits at the terminal and could be asked something. Default false. */
  readonly interactive?: boolean;
  /** Longest run, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
  /** Time between TERM and KILL, in milliseconds. Default 1000. */
  readonly graceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What came of a command that could be started. */
export interface CommandResult {
  readonly stdout: Buffer;
  /** Its last 4 KiB. */
  readonly stderr: string;
  /** How it ended; `too-large` and `timeout` were ended by us. */
  readonly end: { readonly code: number } | { readonly signal: string } | "too-large" | "timeout";
}

/** Bytes of output after which a command is ended. */
export const MAX_OUTPUT_BYTES = 64 * 1024;
const MAX_STDERR_CHARS = 4096;

/**
 * Runs a command and collects what it prints. A list runs without a shell; a text runs through
 * `/bin/sh`, or through the system's shell on Windows.
 *
 * Without a person at the terminal it gets an empty standard input and a session of its own, so that
 * a prompt finds no terminal and fails at once instead of waiting. On Windows and for a person's
 * command only the process itself is ended at the limits; otherwise its whole group is.
 *
 * @throws {Error} It could not be started (with the system's `code`), or the reason of `signal`.
 */
export function runCommand(command: CommandLine, options: RunCommandOptions): Promise<CommandResult> {
  const { interactive = false, timeoutMs = 10_000, graceMs = 1000, signal } = options;
  signal?.throwIfAborted();
  const [program, args] = typeof command === "string" ? [command, []] : [command[0]!, command.slice(1)];
  const ownGroup = !interactive && process.platform !== "win32";
  const child = spawn(program, args, {
    shell: typeof command === "string",
    cwd: options.cwd,
    env: options.env,
    stdio: [interactive ? "inherit" : "ignore", "pipe", interactive ? "inherit" : "pipe"],
    detached: ownGroup,
    windowsHide: true,
  });
  const kill = (name: "SIGTERM" | "SIGKILL") => {
    try {
      if (ownGroup && child.pid !== undefined) process.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // It has ended by itself in the meantime.
    }
  };

  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = "";
    let ended: "too-large" | "timeout" | undefined;
    let killTimer: NodeJS.Timeout | undefined;
    const stop = () => {
      kill("SIGTERM");
      killTimer ??= setTimeout(() => {
        kill("SIGKILL");
        // A process that left the group may still hold the pipes open.
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, graceMs);
    };
    const timer = setTimeout(() => {
      ended ??= "timeout";
      stop();
    }, timeoutMs);
    signal?.addEventListener("abort", stop, { once: true });
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
      else if (!ended) {
        ended = "too-large";
        stop();
      }
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-MAX_STDERR_CHARS);
    });
    const settle = () => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal?.removeEventListener("abort", stop);
    };
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code, name) => {
      settle();
      if (signal?.aborted) reject(signal.reason);
      else
        resolve({
          stdout: Buffer.concat(chunks),
          stderr,
          end: ended ?? (name ? { signal: name } : { code: code ?? 0 }),
        });
    });
  });
}
