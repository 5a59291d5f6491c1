/**
 * Runs the TypeScript of the documentation: each `ts` block of a README or a page in docs/ is a module of its
 * own, run on Node 24 against the workspace's sources, in an empty folder that is also its HOME.
 * A block that is not meant to be run is fenced as `ts no-run`.
 *
 * Usage: `node tools/check-docs.ts [FILE …]`. Prints `file:line: why` for each block that fails; exit 1 then.
 */
import { spawn } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type MarkdownBlock, markdownBlocks } from "./markdown-blocks.ts";
import { workspacePackages } from "./workspace-packages.ts";

const PAGES = ["*.md", "docs/**/*.md", "{packages,apps,examples}/*/README.md", "{e2e,bench,tools}/README.md"];
const LIMIT_MS = 30_000;

export interface DocsReport {
  /** Blocks that were run. */
  readonly count: number;
  /** One entry each, `file:line: why`. */
  readonly failures: readonly string[];
}

/** Runs the blocks of the given pages; default: every page there is. */
export async function checkDocs(
  root: string,
  pages: readonly string[] = globSync(PAGES, { cwd: root }).sort(),
): Promise<DocsReport> {
  const place = join(root, ".cache/docs");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  linkPackages(root, join(place, "node_modules"));

  const failures: string[] = [];
  let count = 0;
  for (const page of pages) {
    for (const block of markdownBlocks(readFileSync(join(root, page), "utf8"))) {
      if (!["ts", "typescript"].includes(block.language) || block.attributes.includes("no-run")) continue;
      count++;
      const file = join(place, `${page.replaceAll(/[^\w.]+/g, "-")}-${block.line}.mts`);
      // Line for line as in the page, so that a stack trace names the page's own line.
      writeFileSync(file, "\n".repeat(block.line - 1) + block.code);
      const words = await runBlock(file);
      if (words !== undefined) failures.push(`${page}:${lineOf(words, file, block)}: ${words}`);
    }
  }
  return { count, failures };
}

/** Every workspace package, and whatever one of them depends on, can be imported from beside `modules`. */
function linkPackages(root: string, modules: string): void {
  const targets = new Map<string, string>();
  for (const { folder, manifest } of workspacePackages(root)) {
    targets.set(manifest.name, join(root, folder));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
      if (!targets.has(name)) targets.set(name, join(root, folder, "node_modules", name));
    }
  }
  for (const [name, target] of targets) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(target, join(modules, name), "dir");
  }
}

/** What a failing block said; undefined when all went well. */
async function runBlock(file: string): Promise<string | undefined> {
  const home = mkdtempSync(join(tmpdir(), "promferry-docs-"));
  const child = spawn(process.execPath, ["--conditions=@promferry/source", file], {
    cwd: home,
    env: { PATH: process.env["PATH"], HOME: home, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      words += chunk;
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, LIMIT_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  rmSync(home, { recursive: true, force: true });
  if (late) return `did not end within ${LIMIT_MS / 1000} s\n${words}`;
  return code === 0 ? undefined : `exit ${code}\n${words}`;
}

function lineOf(words: string, file: string, block: MarkdownBlock): number {
  const at = words.indexOf(`${file}:`);
  const line = at === -1 ? Number.NaN : Number.parseInt(words.slice(at + file.length + 1), 10);
  return Number.isNaN(line) ? block.line : line;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const pages = process.argv.slice(2);
  const { count, failures } = await checkDocs(
    join(import.meta.dirname, ".."),
    pages.length > 0 ? pages : undefined,
  );
  for (const failure of failures) console.error(failure);
  console.error(`docs: ${count} blocks run, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
