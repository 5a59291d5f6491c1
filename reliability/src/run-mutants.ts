import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { type Mutant, mutants } from "../mutants/table.ts";

const ROOT = join(import.meta.dirname, "../..");
const TIMEOUT_MS = 180_000;

export interface MutantResult {
  readonly mutant: Mutant;
  /** The first breach; undefined where the suite did not find it. */
  readonly breach: string | undefined;
}

/**
 * Looks whether each bug of the table can still be put into the sources.
 *
 * @throws {Error} One can't: its place was changed.
 */
export async function checkPlaces(): Promise<void> {
  for (const { name, file, search } of mutants) {
    const source = await readFile(new URL(`../../${file}`, import.meta.url), "utf8");
    if (source.split(search).length !== 2) {
      throw new Error(`mutant "${name}": its place in ${file} is not there once`);
    }
  }
}

/**
 * Puts each bug into a copy of the sources and runs the fault that has to show it.
 *
 * @param say Told of each result.
 * @throws {Error} A fault is broken without a bug, or a bug's place is no longer there.
 */
export async function runMutants(
  chosen: (mutant: Mutant) => boolean,
  seed: string,
  say: (line: string) => void,
): Promise<MutantResult[]> {
  await checkPlaces();
  const copy = await mkdtemp(join(tmpdir(), "promferry-mutants-"));
  try {
    await copySources(copy);
    const list = mutants.filter(chosen);
    for (const fault of new Set(list.map((each) => each.fault))) {
      const { breach, output } = await runFaultIn(copy, fault, seed);
      if (breach !== undefined) throw new Error(`${fault} finds a bug where there is none: ${output}`);
    }
    const results: MutantResult[] = [];
    for (const mutant of list) {
      const path = join(copy, mutant.file);
      const source = await readFile(path, "utf8");
      await writeFile(
        path,
        source.replace(mutant.search, () => mutant.replace),
      );
      const { breach } = await runFaultIn(copy, mutant.fault, seed);
      await writeFile(path, source);
      results.push({ mutant, breach });
      say(
        `${breach === undefined ? "NOT FOUND" : "found"}: ${mutant.name} (${mutant.fault})${breach === undefined ? "" : `: ${breach.slice(0, 160)}`}`,
      );
    }
    return results;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Links between packages are relative, so in the copy they lead to the copy. */
async function copySources(copy: string): Promise<void> {
  const isWanted = (path: string) => !["dist", ".turbo", "coverage"].includes(basename(path));
  for (const folder of ["packages", "reliability", "tools"]) {
    await cp(join(ROOT, folder), join(copy, folder), {
      recursive: true,
      verbatimSymlinks: true,
      filter: isWanted,
    });
  }
  // The children's bundler reads the packages' TypeScript settings.
  for (const file of ["package.json", "tsconfig.base.json"]) await cp(join(ROOT, file), join(copy, file));
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
}

async function runFaultIn(
  copy: string,
  fault: string,
  seed: string,
): Promise<{ breach?: string; output: string }> {
  const args = ["--conditions=@promferry/source", "src/main.ts", "--mutant", "--only", fault, "--seed", seed];
  const child = spawn(process.execPath, args, {
    cwd: join(copy, "reliability"),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  let isHanging = false;
  const timer = setTimeout(() => {
    isHanging = true;
    child.kill("SIGKILL");
  }, TIMEOUT_MS);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  if (code === 0) return { output };
  const breach = isHanging ? "it never ends" : /breach: (.*)/.exec(output)?.[1];
  if (breach === undefined)
    throw new Error(`${fault} ended with ${code} without a breach: ${output.slice(-2000)}`);
  return { breach, output };
}
