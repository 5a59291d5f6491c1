import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import type { CliIo } from "../src/io.ts";
import { run } from "../src/run.ts";
import { commandOf, JSON_OUTPUT } from "./json-output.ts";

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Of `stdout`, which under `--json` is one line. */
  readonly json: () => unknown;
}

export interface RunSetup {
  readonly home?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  /** Whether somebody sits at it, on both ends. Default false. */
  readonly terminal?: boolean;
  /** Characters of the terminal's lines. Default: not known. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** Given what a SIGHUP would call. */
  readonly onHangup?: (handler: () => void) => void;
  readonly now?: () => number;
  /** Called with everything that has come to standard output so far. */
  readonly onStdout?: (text: string) => void;
}

/** Runs the command line in this process, in a home folder of its own. */
export async function runCli(argv: readonly string[], setup: RunSetup = {}): Promise<RunResult> {
  const { home = temporaryFolder(), terminal = false, columns } = setup;
  let stdout = "";
  let stderr = "";
  const sink = (take: (text: string) => void) => ({
    write: (text: string) => {
      take(text);
      return true;
    },
    drained: async () => {},
    isTerminal: terminal,
    columns: () => columns,
  });
  const io: CliIo = {
    stdout: sink((text) => {
      stdout += text;
      setup.onStdout?.(stdout);
    }),
    stderr: sink((text) => {
      stderr += text;
    }),
    stdin: (async function* () {
      yield Buffer.from(setup.stdin ?? "");
    })(),
    interactive: terminal,
    env: { PATH: process.env["PATH"] ?? "", ...setup.env },
    cwd: home,
    home,
    signal: setup.signal ?? new AbortController().signal,
    onHangup(handler) {
      setup.onHangup?.(handler);
      return () => {};
    },
    now: setup.now ?? Date.now,
  };
  const exitCode = await run(argv, io);
  if (argv.includes("--json")) checkJson(argv, stdout);
  return { exitCode, stdout, stderr, json: () => JSON.parse(stdout) };
}

/** Every line has the form that is documented for its command, or is a failure. */
function checkJson(argv: readonly string[], stdout: string): void {
  const name = commandOf(argv);
  if (name === undefined) return;
  const form = z.union([JSON_OUTPUT[name] ?? z.never(), JSON_OUTPUT["failure"] ?? z.never()]);
  for (const line of stdout.split("\n").filter((each) => each !== "")) {
    const { success, error } = form.safeParse(JSON.parse(line));
    if (!success) throw new Error(`${name} --json: ${z.prettifyError(error)}\n${line.slice(0, 1_000)}`);
  }
}

/** A folder that goes with the test. */
export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), "promferry-cli-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A home folder whose configuration is `yaml`, in `config.yaml`. */
export function homeWith(yaml: string): { home: string; config: string } {
  const home = temporaryFolder();
  const config = join(home, "config.yaml");
  writeFileSync(config, yaml);
  return { home, config };
}
