/**
 * How long the command line takes to answer, against a Node that does nothing: `--version` and `--help`, started turn by turn. Needs a build of the
 * CLI. Exit 1 where a median is above its limit. `--rounds N`, default 25.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "./measure.ts";

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "25" } } });
const MAIN = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));
if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: run \`npm run build\``);

/** Times the time of `node -e 0`. */
const LIMITS = { version: 2, help: 2.5 } as const;
const PROGRAMS = { node: ["-e", "0"], version: [MAIN, "--version"], help: [MAIN, "--help"] } as const;

const runs: Record<keyof typeof PROGRAMS, number[]> = { node: [], version: [], help: [] };
for (let round = 0; round < Number(options.rounds); round++) {
  for (const [name, argv] of Object.entries(PROGRAMS) as [keyof typeof PROGRAMS, readonly string[]][]) {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, argv, { stdio: "ignore" });
    if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}`);
    runs[name].push(performance.now() - start);
  }
}

console.log(`node -e 0: median ${median(runs.node).toFixed(1)} ms of ${options.rounds}`);
for (const [name, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
  const ratio = median(runs[name]) / median(runs.node);
  console.log(
    `promferry --${name}: ${median(runs[name]).toFixed(1)} ms, ${ratio.toFixed(2)} × (at most ${limit} ×)`,
  );
  if (ratio > limit) process.exitCode = 1;
}
