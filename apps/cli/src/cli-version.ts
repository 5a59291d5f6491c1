import { createRequire } from "node:module";

/** As the package says. */
export function cliVersion(): string {
  const { version } = createRequire(import.meta.url)("../package.json") as { version: string };
  return version;
}
