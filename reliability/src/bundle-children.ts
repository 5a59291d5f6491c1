import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";

const CHILDREN = ["write", "upload", "collect", "forget", "agent"];

/** Where {@link bundleChildren} has put them, for this process and those that it starts. */
export const BUNDLES_VARIABLE = "PROMFERRY_RELIABILITY_CHILDREN";

/**
 * Puts each program of `children/` into one file: tens of thousands of them start, and most of what one does is to
 * load a hundred modules.
 *
 * @returns The folder, which is the caller's to remove.
 */
export async function bundleChildren(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "promferry-children-"));
  const programs = CHILDREN.map((name) => [name, join(import.meta.dirname, "children", `${name}.ts`)]);
  const bundle = await rolldown({
    input: Object.fromEntries(programs),
    platform: "node",
    resolve: { conditionNames: ["@promferry/source", "node", "import"] },
  });
  await bundle.write({
    dir,
    format: "esm",
    entryFileNames: "[name].mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await bundle.close();
  return dir;
}
