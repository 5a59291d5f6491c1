/**
 * `npm test`: the set-up, the real servers where apt works, every check, every test. Runs on Node 20.
 *
 * Usage: `npm test -- [--STAGE …]` runs only the stages named, for example `--lint --unit`; the set-up always runs.
 * The last line is `N passed, N failed` and, where something was not shown, `, N skipped`: each check counts
 * as one test. Exit 1 when anything failed. In CI (CI=true) a missing server is a failure, not a skip.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runStages } from "./run-stages.mjs";
import { fetchServers } from "./servers.mjs";
import { buildPackages, installPackages } from "./setup.mjs";
import { readTally } from "./vitest-report.mjs";
import { NODE_24, ROOT, run, runWithPnpm } from "./workspace.mjs";

const REPORTS = join(ROOT, ".cache/reports");

/** @typedef {import("./vitest-report.mjs").Tally} Tally */

/** Stages in the order in which they run. @type {Record<string, () => Promise<Tally>>} */
const STAGES = {
  servers: () => check(fetchServersOrSay),
  lint: () => program("biome", ["check", "--error-on-warnings", "."]),
  types: () =>
    check(async () => {
      const turbo = [join(ROOT, "node_modules/.bin/turbo"), "run", "typecheck", "--output-logs=errors-only"];
      return failureOf(await runWithPnpm(turbo));
    }),
  fence: () => program(NODE_24, ["tools/check-imports.ts"]),
  unused: () => program("knip", []),
  changesets: () => program(NODE_24, ["tools/check-changesets.ts"]),
  docs: () => program(NODE_24, ["tools/check-docs.ts"]),
  build: () => check(() => buildPackages().then(() => undefined)),
  packages: () => program(NODE_24, ["tools/check-packages.ts"]),
  unit: () => vitest("unit"),
  e2e: () => vitest("e2e"),
  reliability: () => reliability(["--short"]),
  bench: () => bench("check.ts", []),
  growth: () => bench("growth.ts", ["--short"]),
};

/**
 * One check that counts as one test.
 *
 * @param {() => Promise<string | undefined>} work Resolves with what went wrong.
 * @returns {Promise<Tally>}
 */
async function check(work) {
  const failure = await work();
  if (failure === undefined) return { passed: 1, failed: 0, skipped: [] };
  console.log(failure.trim());
  return { passed: 0, failed: 1, skipped: [] };
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function program(command, args) {
  return check(async () => failureOf(await run(command, args)));
}

/** @param {import("./workspace.mjs").Outcome} outcome */
function failureOf({ code, output }) {
  return code === 0 ? undefined : `${output.trim()}\n(exit ${code})`;
}

async function fetchServersOrSay() {
  try {
    await fetchServers((line) => console.log(`  ${line}`));
    return undefined;
  } catch (error) {
    const words = /** @type {Error} */ (error).message;
    if (process.env["CI"] === "true") return words;
    console.log(`  ${words}\n  Tests that need a real server will be skipped.`);
    return undefined;
  }
}

/** @param {readonly string[]} options */
function reliability(options) {
  const program = ["--conditions=@promferry/source", join(ROOT, "reliability/src/main.ts")];
  return check(async () => failureOf(await run(NODE_24, [...program, ...options], { stream: true })));
}

/**
 * @param {string} script
 * @param {readonly string[]} options
 */
function bench(script, options) {
  const program = ["--expose-gc", "--conditions=@promferry/source", join(ROOT, "bench/src", script)];
  return check(async () => failureOf(await run(NODE_24, [...program, ...options], { stream: true })));
}

/** @param {string} project */
async function vitest(project) {
  const report = join(REPORTS, `${project}.json`);
  await mkdir(REPORTS, { recursive: true });
  await rm(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { code } = await run("vitest", ["run", "--project", project, ...reporters], { stream: true });
  return readTally(report, code);
}

const chosen = process.argv.slice(2).map((argument) => argument.replace(/^--/, ""));
const unknown = chosen.filter((name) => !Object.hasOwn(STAGES, name));
if (unknown.length > 0) {
  console.error(`test: no stage ${unknown.join(", ")}; stages are ${Object.keys(STAGES).join(", ")}`);
  process.exit(2);
}
try {
  await installPackages();
  const { passed, failed, skipped } = await runStages(
    Object.entries(STAGES).filter(([name]) => chosen.length === 0 || chosen.includes(name)),
  );
  if (skipped.length > 0) console.log(`Not shown here:\n${skipped.map((name) => `  ${name}`).join("\n")}`);
  console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.log(/** @type {Error} */ (error).message);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
