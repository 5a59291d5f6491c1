/**
 * Everything a fresh clone needs before it can be used: packages, Node 24 among them, and with `--build`
 * what is published. Does only what is not done yet. Runs on a machine that has Node 20.19 and npm.
 *
 * Usage: `node tools/setup.mjs [--build]`. Progress goes to stderr. Exit 1 with a reason when a step fails.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NODE_24, PNPM, ROOT, run, runWithPnpm } from "./workspace.mjs";

/** Digest of what the last finished installation was made from. Goes with node_modules. */
const STAMP = join(ROOT, "node_modules/.promferry-setup");

/**
 * Installs what the lock file names, unless that was done.
 *
 * @throws {Error} With what the package manager said.
 */
export async function installPackages() {
  checkNode();
  const wanted = wantedState();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted && existsSync(NODE_24)) return;

  console.error(`setup: installing packages with ${PNPM}`);
  const began = Date.now();
  // CI: no questions, also where a folder of another layout has to go.
  const { code, output } = await run("npx", ["--yes", PNPM, "install", "--frozen-lockfile"], {
    path: "machine",
    env: { CI: "true" },
  });
  if (code === 127) throw new Error(`npx can't be run: ${output.trim()}; install npm, which comes with Node`);
  if (code !== 0)
    throw new Error(`installing packages failed (exit ${code}):\n${output.slice(-4000).trim()}`);
  if (!existsSync(NODE_24)) {
    throw new Error(`the installation left no ${NODE_24}; remove node_modules and run this again`);
  }
  await writeFile(STAMP, wanted);
  console.error(`setup: packages installed in ${seconds(began)}`);
}

/**
 * Builds what is published. Unchanged packages come from turbo's cache.
 *
 * @throws {Error} With what the compiler said.
 */
export async function buildPackages() {
  const began = Date.now();
  const { code, output } = await runWithPnpm([
    join(ROOT, "node_modules/.bin/turbo"),
    "run",
    "build",
    "--output-logs=errors-only",
  ]);
  if (code !== 0) throw new Error(`the build failed (exit ${code}):\n${output.slice(-8000).trim()}`);
  if (!output.includes("FULL TURBO")) console.error(`setup: packages built in ${seconds(began)}`);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`Node ${process.versions.node} is too old; install Node 20.19 or newer`);
}

function wantedState() {
  const hash = createHash("sha256").update(PNPM);
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest("hex");
}

/** @param {number} since */
function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await installPackages();
    if (process.argv.includes("--build")) await buildPackages();
  } catch (error) {
    console.error(`setup: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  }
}
