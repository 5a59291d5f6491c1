/** `npm run demo`: the set-up, then the CLI's `demo` from its sources. Arguments are passed on. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { installPackages } from "./setup.mjs";
import { NODE_24, ROOT } from "./workspace.mjs";

/** The demo speaks to those who have installed the CLI. */
const HERE = `In this folder
   promferry is \`node apps/cli/dist/main.js\`, after \`npm run setup\`
   npm run demo -- --dir ./demo                                  keeps what the demo makes
   README.md, "To a real Prometheus", has both configurations
`;

try {
  await installPackages();
  const main = join(ROOT, "apps/cli/src/main.ts");
  const args = process.argv.slice(2);
  const child = spawn(NODE_24, ["--conditions=@promferry/source", main, "demo", ...args], {
    stdio: "inherit",
    // npm runs a script in the root; `--dir` is relative to where the user stood.
    cwd: process.env["INIT_CWD"] ?? process.cwd(),
    // A Ctrl-C reaches every process of a terminal's group, and npm passes it on as well. In a group of
    // its own the demo gets one signal for one key.
    detached: true,
  });
  let passedAt = Number.NEGATIVE_INFINITY;
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      if (performance.now() - passedAt < 300) return;
      passedAt = performance.now();
      child.kill(signal);
    });
  }
  child.once("error", (error) => {
    console.error(`demo: ${error.message}`);
    process.exitCode = 1;
  });
  child.once("close", (code, signal) => {
    if (code === 0 && !args.includes("--json")) console.log(HERE);
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
} catch (error) {
  console.error(`demo: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
}
