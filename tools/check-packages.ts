/**
 * Checks what users would install: packs every published package as it stands built, lints the tarballs
 * (publint, and attw for ES modules only), installs them together in an empty folder, and there, on the
 * machine's own Node, imports every export and runs every program.
 *
 * Usage: `node tools/check-packages.ts`, after a build. Prints what is wrong, exit 1 when there is any.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineNode, ROOT, run, runWithPnpm } from "./workspace.mjs";
import { type Manifest, workspacePackages } from "./workspace-packages.ts";

/** Subpaths that need more than the package's own dependencies: the suites import vitest, an optional peer. */
const NEEDS_PEER: readonly string[] = ["./testing"];

const published = workspacePackages(ROOT)
  .map(({ manifest }) => manifest)
  .filter((manifest) => !manifest.private);

const problems: string[] = [];

/** Notes a problem when the program fails. */
async function expectSuccess(
  what: string,
  program: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<boolean> {
  const { code, output } = await run(program, args, options);
  if (code !== 0) problems.push(`${what} failed (exit ${code}):\n${output.trim()}`);
  return code === 0;
}

/** Packs everything into `.cache/packages`; absolute paths of the tarballs. */
async function packAll(): Promise<string[]> {
  const place = join(ROOT, ".cache/packages");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const filters = published.flatMap(({ name }) => ["--filter", name]);
  const { code, output } = await runWithPnpm([
    "pnpm",
    "--recursive",
    ...filters,
    "pack",
    "--pack-destination",
    place,
  ]);
  if (code !== 0) problems.push(`packing failed (exit ${code}):\n${output}`);
  const tarballs = readdirSync(place).map((file) => join(place, file));
  if (tarballs.length !== published.length) {
    problems.push(`packing gave ${tarballs.length} tarballs for ${published.length} packages`);
  }
  return tarballs;
}

async function lint(tarball: string): Promise<void> {
  await expectSuccess(`publint ${tarball}`, "publint", ["run", "--strict", tarball]);
  await expectSuccess(`attw ${tarball}`, "attw", ["--profile", "esm-only", "--format", "ascii", tarball]);
}

async function installAndUse(tarballs: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "promferry-packed-"));
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "user", private: true, type: "module" }),
  );
  const options = { cwd: folder, path: "machine" } as const;
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"];
  if (
    await expectSuccess("npm install of the tarballs", "npm", ["install", ...quiet, ...tarballs], options)
  ) {
    const node = machineNode();
    const imports = published.flatMap(exportedNames).map((name) => `await import(${JSON.stringify(name)});`);
    writeFileSync(join(folder, "imports.mjs"), imports.join("\n"));
    await expectSuccess(`importing the packages with ${node}`, node, ["imports.mjs"], options);
    for (const [program, manifest] of published.flatMap(programs)) {
      const runner = isForUsersNode(manifest) ? node : process.execPath;
      for (const args of smokeRuns(program)) {
        const command = [join("node_modules", manifest.name, manifest.bin?.[program] ?? ""), ...args];
        await expectSuccess(`${program} ${args.join(" ")} with ${runner}`, runner, command, {
          ...options,
          env: { HOME: home, NO_COLOR: "1" },
        });
      }
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

function exportedNames({ name, exports = {} }: Manifest): string[] {
  return Object.keys(exports)
    .filter((subpath) => subpath !== "./package.json" && !NEEDS_PEER.includes(subpath))
    .map((subpath) => name + subpath.slice(1));
}

function programs(manifest: Manifest): [string, Manifest][] {
  return Object.keys(manifest.bin ?? {}).map((program) => [program, manifest]);
}

/** What runs on users' machines loads on Node 20; a server may ask for the Node that this check runs on. */
function isForUsersNode({ engines }: Manifest): boolean {
  return engines?.node?.startsWith(">=20.") ?? true;
}

/** The CLI's `demo` goes through everything that the packages do. */
function smokeRuns(program: string): readonly string[][] {
  return program === "promferry" ? [["--version"], ["--help"], ["demo"]] : [["--help"]];
}

const tarballs = await packAll();
for (const tarball of tarballs) await lint(tarball);
if (problems.length === 0) await installAndUse(tarballs);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
