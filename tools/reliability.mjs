/** `npm run reliability`: the set-up, the real servers where apt works, then the suite. Arguments are passed on. */
import { join } from "node:path";
import { fetchServers } from "./servers.mjs";
import { installPackages } from "./setup.mjs";
import { NODE_24, ROOT, run } from "./workspace.mjs";

try {
  await installPackages();
  await fetchServers((line) => console.log(line)).catch((error) => {
    console.log(/** @type {Error} */ (error).message);
  });
  const main = join(ROOT, "reliability/src/main.ts");
  const args = ["--conditions=@promferry/source", main, ...process.argv.slice(2)];
  process.exitCode = (await run(NODE_24, args, { stream: true })).code;
} catch (error) {
  console.error(`reliability: ${/** @type {Error} */ (error).message}`);
  process.exitCode = 1;
}
