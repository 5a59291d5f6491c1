/** `node tools/turbo.mjs TASK …`: turbo with the pinned pnpm, on machines that have none. */
import { join } from "node:path";
import { ROOT, runWithPnpm } from "./workspace.mjs";

const { code } = await runWithPnpm([join(ROOT, "node_modules/.bin/turbo"), "run", ...process.argv.slice(2)], {
  stream: true,
});
process.exitCode = code;
