import { fileURLToPath } from "node:url";

/** How this very program is started again, with absolute paths. */
export function programArgv(): readonly string[] {
  const isSource = import.meta.url.endsWith(".ts");
  const main = fileURLToPath(new URL(isSource ? "../main.ts" : "../main.js", import.meta.url));
  return [process.execPath, ...(isSource ? ["--conditions=@promferry/source"] : []), main];
}
