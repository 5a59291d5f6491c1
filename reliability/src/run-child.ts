import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { BUNDLES_VARIABLE } from "./bundle-children.ts";

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningChild {
  readonly process: ChildProcess;
  /** Settles with the first words on its standard output, or with its end. */
  readonly spoken: Promise<void>;
  readonly ended: Promise<ChildResult>;
}

/** Starts a program of `children/` with one task: its bundle, where there is one. */
export function startChild(name: string, task: unknown): RunningChild {
  const bundles = process.env[BUNDLES_VARIABLE];
  const bundle = bundles === undefined ? undefined : join(bundles, `${name}.mjs`);
  const source = ["--conditions=@promferry/source", join(import.meta.dirname, "children", `${name}.ts`)];
  const program = bundle !== undefined && existsSync(bundle) ? [bundle] : source;
  const child = spawn(process.execPath, [...program, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const spoken = new Promise<void>((resolve) => {
    child.stdout.once("data", () => resolve());
    child.once("close", () => resolve());
  });
  const ended = new Promise<ChildResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const killAtExit = () => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  ended.finally(() => process.off("exit", killAtExit)).catch(() => {});
  return { process: child, spoken, ended };
}

/** The directory's files and their content. */
export async function filesIn(dir: string): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    if (entry.isFile())
      found.set(entry.name, await readFile(join(dir, entry.name)).catch(() => Buffer.alloc(0)));
  }
  return found;
}
