/**
 * Checks that each changeset names published packages and says something, and that each published package
 * that was never released has one.
 *
 * Usage: `node tools/check-changesets.ts`. Prints `file: what is wrong`, exit 1 when there is any.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { workspacePackages } from "./workspace-packages.ts";

const root = join(import.meta.dirname, "..");
const published = workspacePackages(root).filter(({ manifest }) => !manifest.private);
const problems: string[] = [];
const announced = new Set<string>();

for (const file of globSync(".changeset/*.md", { cwd: root }).sort()) {
  if (file.endsWith("README.md")) continue;
  const [, head = "", words = ""] =
    /^---\n(.*?)\n---\n(.*)$/s.exec(readFileSync(join(root, file), "utf8")) ?? [];
  const bumps = (parse(head) ?? {}) as Record<string, unknown>;
  for (const [name, bump] of Object.entries(bumps)) {
    announced.add(name);
    if (!published.some(({ manifest }) => manifest.name === name))
      problems.push(`${file}: no package ${name}`);
    if (!["patch", "minor", "major"].includes(String(bump))) problems.push(`${file}: no bump like ${bump}`);
  }
  if (words.trim() === "") problems.push(`${file}: says nothing to users`);
}
for (const { folder, manifest } of published) {
  if (manifest.version === "0.0.0" && !announced.has(manifest.name)) {
    problems.push(`${folder}: has no changeset; add .changeset/<name>.md`);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
