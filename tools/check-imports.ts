/**
 * The fence: a package imports only packages of a lower rank, only what it declares, and only what is exported.
 *
 * Usage: `node tools/check-imports.ts`. Prints `file:line: what is wrong`, exit 1 when there is any.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { importSpecifiers } from "./import-specifiers.ts";
import {
  type Manifest,
  readManifest,
  type WorkspacePackage,
  workspacePackages,
} from "./workspace-packages.ts";

/** Who may import whom: only downwards, never a sibling. A new package gets its line here. */
const RANKS: Readonly<Record<string, number>> = {
  "packages/core": 0,
  "packages/privacy": 1,
  "packages/remote-write": 1,
  "packages/pushgateway": 1,
  "packages/http-push": 1,
  "packages/target-registry": 1,
  "packages/exporter": 1,
  "packages/dashboards": 1,
  "packages/report": 1,
  "packages/collector": 2,
  "packages/uploader": 2,
  "apps/*": 3,
  "examples/*": 3,
  e2e: 4,
  bench: 4,
  reliability: 4,
  tools: 4,
};

/** Files that users don't get: they may also import what only development needs. */
const DEVELOPMENT = /\.(?:test|e2e|fixture|bench)\.m?ts$|\.config\.m?[tj]s$|(?:^|\/)test\//;

/** Reached by path: they run before anything is installed, so no package can export them. */
const REACHED_BY_PATH = "tools/";

/** One line each, `file:line: message`, in the order of files. Empty: all is well. */
export function checkImports(root: string): readonly string[] {
  const packages = workspacePackages(root);
  const byName = new Map(packages.map((entry) => [entry.manifest.name, entry]));
  const shared = readManifest(join(root, "package.json")).devDependencies;
  const problems: string[] = [];

  for (const importer of packages) {
    const rank = rankOf(importer);
    const manifestFile = `${importer.folder}/package.json`;
    if (rank === undefined) {
      problems.push(`${manifestFile}:1: has no rank; give it one in tools/check-imports.ts`);
      continue;
    }
    for (const name of Object.keys({
      ...importer.manifest.dependencies,
      ...importer.manifest.peerDependencies,
    })) {
      const target = byName.get(name);
      if (target !== undefined) problems.push(...rankProblems(importer, rank, target, `${manifestFile}:1`));
    }
    for (const file of sourcesOf(root, importer)) {
      const reachesUsers = !importer.manifest.private && !DEVELOPMENT.test(file);
      const development = reachesUsers ? {} : { ...shared, ...importer.manifest.devDependencies };
      for (const { specifier, line } of importSpecifiers(readFileSync(join(root, file), "utf8"))) {
        const place = `${file}:${line}`;
        if (specifier.startsWith(".")) problems.push(...pathProblems(importer, file, specifier, place));
        if (specifier.startsWith(".") || isBuiltin(specifier)) continue;
        const name = packageName(specifier);
        if (!isDeclared(importer.manifest, name, development)) {
          problems.push(`${place}: imports ${name}, which ${manifestFile} does not declare`);
        }
        const target = byName.get(name);
        if (target === undefined) continue;
        problems.push(...rankProblems(importer, rank, target, place));
        problems.push(...exportProblems(target, specifier, place));
      }
    }
  }
  return problems;
}

function rankOf({ folder }: WorkspacePackage): number | undefined {
  return RANKS[folder] ?? RANKS[`${posix.dirname(folder)}/*`];
}

function sourcesOf(root: string, { folder }: WorkspacePackage): string[] {
  return globSync(`${folder}/**/*.{ts,mts,mjs,js}`, {
    cwd: root,
    exclude: (path) => /(?:^|\/)(?:node_modules|dist|\.turbo)(?:\/|$)/.test(path),
  }).sort();
}

function rankProblems(
  importer: WorkspacePackage,
  rank: number,
  target: WorkspacePackage,
  place: string,
): string[] {
  const targetRank = rankOf(target);
  if (target === importer || targetRank === undefined || targetRank < rank) return [];
  return [
    `${place}: ${importer.manifest.name} (rank ${rank}) imports ${target.manifest.name} (rank ${targetRank}); only lower ranks may be imported`,
  ];
}

function exportProblems(target: WorkspacePackage, specifier: string, place: string): string[] {
  const subpath = `.${specifier.slice(target.manifest.name.length)}`;
  if (Object.hasOwn(target.manifest.exports ?? {}, subpath)) return [];
  return [`${place}: ${target.manifest.name} does not export ${subpath}`];
}

function pathProblems(importer: WorkspacePackage, file: string, specifier: string, place: string): string[] {
  const path = posix.join(posix.dirname(file), specifier);
  if (path.startsWith(`${importer.folder}/`)) return [];
  if (importer.manifest.private && path.startsWith(REACHED_BY_PATH)) return [];
  return [`${place}: ${specifier} leaves ${importer.folder}; import the package by its name`];
}

function isDeclared(
  manifest: Manifest,
  name: string,
  development: Readonly<Record<string, string>>,
): boolean {
  return [{ [manifest.name]: "" }, manifest.dependencies, manifest.peerDependencies, development].some(
    (names) => names !== undefined && Object.hasOwn(names, name),
  );
}

/** `@scope/name/sub` and `name/sub` without their subpath. */
function packageName(specifier: string): string {
  const [first = "", second = ""] = specifier.split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = join(import.meta.dirname, "..");
  if (!existsSync(join(root, "node_modules"))) console.error("fence: run npm run setup first");
  const problems = checkImports(root);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
