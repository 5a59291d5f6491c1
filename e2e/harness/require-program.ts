import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, type TestContext } from "vitest";

/**
 * Says which of the machine's own programs a test needs; its first line.
 *
 * Where one is missing the test is skipped by name.
 *
 * @throws {Error} In CI, where nothing may go unshown.
 */
export function requireProgram(context: Pick<TestContext, "skip">, ...names: readonly string[]): void {
  const missing = missingOf(names);
  if (missing.length > 0) context.skip(`needs ${missing.join(", ")}`);
}

/** The same for tests that share a server: `body` is skipped as a whole. */
export function describeWithPrograms(names: readonly string[], title: string, body: () => void): void {
  describe.skipIf(missingOf(names).length > 0)(title, body);
}

function missingOf(names: readonly string[]): string[] {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const missing = names.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length > 0 && process.env["CI"] === "true") {
    throw new Error(`missing in CI: ${missing.join(", ")}`);
  }
  return missing;
}
