import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "vitest";

/**
 * Says which of the machine's own programs a test needs; its first line.
 *
 * Where one is missing the test is skipped by name.
 *
 * @throws {Error} In CI, where nothing may go unshown.
 */
export function requireProgram(context: Pick<TestContext, "skip">, ...names: readonly string[]): void {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const missing = names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length === 0) return;
  if (process.env["CI"] === "true") throw new Error(`missing in CI: ${missing.join(", ")}`);
  context.skip(`needs ${missing.join(", ")}`);
}
