import { readdirSync } from "node:fs";
import { join } from "node:path";
import { treeFolder } from "../../tools/servers.mjs";
import { type ProgramOptions, type ProgramResult, startProgram } from "./cli.ts";

/** Runs cloud-init's own Python, with the interpreter and the libraries of its suite; nothing of this machine. */
export async function runCloudInitPython(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const usr = join(treeFolder("cloud-init"), "usr");
  const libraries = join(usr, "lib", only(join(usr, "lib"), /-linux-gnu/));
  const program = await startProgram(
    join(libraries, only(libraries, /^ld-linux.*\.so\.\d+$/)),
    ["--library-path", libraries, join(usr, "bin", only(join(usr, "bin"), /^python3\.\d+$/)), ...args],
    {
      ...options,
      env: {
        PYTHONHOME: usr,
        PYTHONPATH: join(usr, "lib/python3/dist-packages"),
        // Compiled once, not at every start.
        PYTHONPYCACHEPREFIX: join(usr, "../pycache"),
        LC_ALL: "C.UTF-8",
        ...options.env,
      },
    },
  );
  return program.done;
}

/** The program `cloud-init` itself, as an argument of `runCloudInitPython`. */
export function cloudInitProgram(): string {
  return join(treeFolder("cloud-init"), "usr/bin/cloud-init");
}

function only(folder: string, pattern: RegExp): string {
  const found = readdirSync(folder).find((name) => pattern.test(name));
  if (found === undefined) throw new Error(`${folder} has nothing that matches ${pattern}`);
  return found;
}
