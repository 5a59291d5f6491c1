/**
 * Where things are, and how programs are run, for the tools that start before anything is installed.
 * Runs on Node 20.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, with a slash at the end. */
export const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Node 24, a dev dependency of the root: what tools, tests and apps run on in the workspace. */
export const NODE_24 = join(ROOT, "node_modules/node/bin/node");

/** The package manager, as `name@version`. Its one pin is `packageManager` in the root's package.json. */
export const PNPM = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).packageManager;

/** @returns {string[]} PATH without what npm and pnpm put there: what the machine had before the set-up. */
function machinePath() {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "" && !folder.includes("node_modules"));
}

/**
 * The Node that the machine had before the set-up: what users run published packages on.
 *
 * @returns {string} Absolute path; this process' own Node when PATH has none.
 */
export function machineNode() {
  for (const folder of machinePath()) {
    const node = join(folder, "node");
    try {
      accessSync(node, constants.X_OK);
      return node;
    } catch {}
  }
  return process.execPath;
}

/**
 * @typedef {object} Outcome
 * @property {number} code Exit code; 128 and more after a signal; 127 when there is no such program.
 * @property {string} output What stdout and stderr said, in order of arrival; empty when streamed.
 */

/**
 * Runs a program in the workspace and waits for its end.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {boolean} [options.stream] Whether the program writes to our own output, as it goes. Default: collected.
 * @param {"machine" | "workspace"} [options.path] Whose programs come first. Default workspace.
 * @param {string} [options.cwd] Default: the root.
 * @param {Readonly<Record<string, string>>} [options.env] Added to our own.
 * @returns {Promise<Outcome>}
 */
export function run(program, args, options = {}) {
  const { stream = false, path = "workspace", cwd = ROOT, env = {} } = options;
  const first = path === "workspace" ? [join(ROOT, "node_modules/.bin")] : [];
  const child = spawn(program, args, {
    cwd,
    stdio: stream ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      TURBO_TELEMETRY_DISABLED: "1",
      TURBO_NO_UPDATE_NOTIFIER: "1",
      npm_config_update_notifier: "false",
      npm_config_loglevel: "error",
      ...env,
      PATH: [...first, ...machinePath()].join(delimiter),
    },
  });
  let output = "";
  for (const source of [child.stdout, child.stderr]) {
    source?.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
    });
  }
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.once("close", (code) => resolve({ code: code ?? 128, output }));
  });
}

/**
 * Runs a program with the pinned pnpm on its PATH, as turbo asks for.
 *
 * @param {readonly string[]} command
 * @param {Parameters<typeof run>[2]} [options]
 */
export function runWithPnpm(command, options = {}) {
  return run("npx", ["--yes", "--package", PNPM, "--", ...command], options);
}
