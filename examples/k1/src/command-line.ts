import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** How one run of k1 was asked for. */
export interface CommandLine {
  readonly dir: string;
  readonly seed: number;
  /** Things that happen after the start. */
  readonly steps: number;
  /** Frames over the run, besides the first and the last. */
  readonly frames: number;
  /** Wait after each frame, in milliseconds. */
  readonly pauseMs: number;
  readonly enableMetricsCollection: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

export const USAGE = `k1, a program with telemetry: imitates a user, and records it when it may.

  --enable-metrics-collection   record this run; without it nothing is written
  --dir D       where the day files are (default ~/.k1/metrics)
  --seed N      whole number; the same seed counts the same (default 1)
  --steps N     things that the user does (default 200)
  --frames N    frames to write meanwhile (default 4)
  --pause MS    wait after each frame (default 0)
  --json        print what was counted as JSON
`;

/**
 * Reads the arguments. A relative directory is taken from where the user stands, which a package manager
 * leaves in INIT_CWD.
 *
 * @throws {TypeError} An argument is not known, or is no number where one is needed.
 */
export function parseCommandLine(args: readonly string[], env: NodeJS.ProcessEnv = process.env): CommandLine {
  const { values } = parseArgs({
    // pnpm passes the `--` that separates its own flags on.
    args: args.filter((arg) => arg !== "--"),
    options: {
      dir: { type: "string", default: join(homedir(), ".k1", "metrics") },
      seed: { type: "string", default: "1" },
      steps: { type: "string", default: "200" },
      frames: { type: "string", default: "4" },
      pause: { type: "string", default: "0" },
      "enable-metrics-collection": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { dir, seed, steps, frames, pause, json, help } = values;
  return {
    dir: resolve(env["INIT_CWD"] ?? "", dir),
    seed: wholeNumber("--seed", seed),
    steps: wholeNumber("--steps", steps),
    frames: wholeNumber("--frames", frames),
    pauseMs: wholeNumber("--pause", pause),
    enableMetricsCollection: values["enable-metrics-collection"],
    json,
    help,
  };
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TypeError(`${flag}: expected a whole number, got ${JSON.stringify(text.slice(0, 20))}`);
}
